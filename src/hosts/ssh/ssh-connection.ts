import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2, { type CipherAlgorithm, type ClientChannel, type ServerHostKeyAlgorithm, type Client as SshClient } from 'ssh2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { HostKeys } from './known-hosts.ts';
import { type ExecOptions, execOn, type RawResult } from './ssh-exec.ts';
import { loginWith, unlocking } from './ssh-keys.ts';
import { knownHostsName, type SshTarget } from './ssh-target.ts';

export interface SshOptions {
  target: SshTarget;
  /** Logged in to first, one through the other; the target is reached through the last. */
  jumps?: readonly SshHop[] | undefined;
  identityFile?: string | undefined;
  /** SSH_AUTH_SOCK. */
  agentSocket?: string | undefined;
  knownHosts: HostKeys;
}

/** A host on the way, with a key of its own where it has one. */
export interface SshHop extends SshTarget {
  identityFile?: string | undefined;
}

/** `level` is the part of the library that failed. */
type SshError = Error & { level?: string };

/** sshd refuses the eleventh by default; two are left for the user's own sessions over a shared connection. */
const MAX_CHANNELS = 8;
/** RFC 4254, 5.1. */
const PROHIBITED = 1;
const LEAVE_MS = 2000;
const READY_TIMEOUT_MS = 20_000;
/** A host that says nothing three times in a row is taken for gone. */
const KEEPALIVE_MS = 5_000;
/** Processors do AES by themselves, and its MAC comes with it; the others cost several times as much for large files. */
const QUICK_CIPHERS: CipherAlgorithm[] = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'];
const CONNECT_ATTEMPTS = 3;

/** One connection to one host, opened at first use and again when it broke; commands share it, eight at a time. */
export class SshConnection {
  readonly #options: SshOptions;
  #client: Promise<SshClient> | undefined;
  /** Of the client, where it does not go through another host. */
  #socket: Socket | undefined;
  #jump: SshConnection | undefined;
  #free = MAX_CHANNELS;
  readonly #waiting: (() => void)[] = [];

  constructor(options: SshOptions) {
    this.#options = options;
    const last = options.jumps?.at(-1);
    if (last)
      this.#jump = new SshConnection({
        ...options,
        target: last,
        jumps: options.jumps?.slice(0, -1),
        identityFile: last.identityFile ?? options.identityFile,
      });
  }

  /** Runs a command line of the remote shell. `input` is its stdin. */
  async exec(commandLine: string, options: ExecOptions = {}): Promise<RawResult> {
    options.signal?.throwIfAborted();
    await this.#acquire();
    try {
      const client = await this.#connected();
      return await execOn(client, commandLine, { ...options, host: knownHostsName(this.#options.target) });
    } finally {
      this.#release();
    }
  }

  /** A byte stream to an address as the host sees it. */
  async forward(host: string, port: number): Promise<Duplex> {
    const client = await this.#connected();
    const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
    const broken = (): void => reject(new Error('the connection broke'));
    client.once('close', broken);
    const timer = setTimeout(() => reject(silence()), READY_TIMEOUT_MS);
    try {
      client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (error) reject(error);
        else resolve(channel);
        // One that comes too late is wanted no more.
        if (channel) promise.catch(() => channel.close());
      });
    } catch (error) {
      // Its socket is closed, and nobody has been told yet.
      reject(error);
    }
    return promise.finally(() => {
      clearTimeout(timer);
      client.off('close', broken);
    });
  }

  /** A byte stream to a port of the host: from itself or, where its sshd makes no such streams, from the last host on the way. */
  async dial(port: number): Promise<Duplex> {
    try {
      return await this.forward('127.0.0.1', port);
    } catch (error) {
      if (!this.#jump || (error as Error & { reason?: number }).reason !== PROHIBITED) throw error;
      return this.#jump.forward(this.#options.target.host, port);
    }
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    client?.end();
    const socket = this.#socket;
    // A machine that is gone by now never takes leave of us, which would keep this program from ending.
    if (client && socket) setTimeout(() => socket.destroy(), LEAVE_MS).unref();
    await this.#jump?.close();
  }

  #connected(): Promise<SshClient> {
    if (!this.#client) {
      const opening = this.#open();
      this.#client = opening;
      const forget = (): void => {
        if (this.#client === opening) this.#client = undefined;
      };
      opening.then((client) => client.once('close', forget), forget);
    }
    return this.#client;
  }

  /** sshd drops some of many connections that come at once, so one that breaks before the login is tried again. */
  async #open(): Promise<SshClient> {
    // What keeps it from the host before is that one's to judge, which tries again by itself.
    if (this.#jump) await this.#jump.#connected();
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#openOnce();
      } catch (error) {
        if (error instanceof SlipwayError && (error.code !== 'HOST_UNREACHABLE' || attempt >= CONNECT_ATTEMPTS || isSilent(error)))
          throw error;
        await delay(200 * attempt);
      }
    }
  }

  async #openOnce(): Promise<SshClient> {
    const { target, knownHosts } = this.#options;
    const { methods, locked } = await loginWith(target, this.#options);
    const known = await knownHosts.typesOf(target);
    this.#socket = this.#jump ? undefined : connect(target.port, target.host);
    const sock = this.#jump ? await this.#throughJump(this.#jump) : this.#socket;
    const client = new ssh2.Client();
    let refusal: unknown;
    return new Promise((resolve, reject) => {
      client.once('ready', () => {
        client.removeAllListeners('error');
        // A broken connection is seen by the commands that use it, and by `close`.
        client.on('error', () => {});
        resolve(client);
      });
      client.on('error', (error: SshError) => {
        // An agent that does not answer is passed over: key files are still to be tried.
        if (error.level !== 'agent') reject(refusal ?? this.#explain(error, locked));
      });
      client.connect({
        sock: sock as never,
        username: target.user,
        authHandler: methods,
        readyTimeout: READY_TIMEOUT_MS,
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: 3,
        algorithms: {
          cipher: { prepend: QUICK_CIPHERS, append: [], remove: [] },
          ...(known.length
            ? {
                serverHostKey: { prepend: known.flatMap(algorithmsOf), append: [], remove: [] },
              }
            : {}),
        },
        hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => {
          knownHosts.verify(target, key).then(
            () => verify(true),
            (error: unknown) => {
              refusal = error;
              verify(false);
            },
          );
        },
      });
    });
  }

  async #throughJump(jump: SshConnection): Promise<Duplex> {
    const { target } = this.#options;
    try {
      return await jump.forward(target.host, target.port);
    } catch (error) {
      if (error instanceof SlipwayError) throw error;
      const through = knownHostsName(jump.#options.target);
      throw new SlipwayError('HOST_UNREACHABLE', {
        tried: `connect to ${knownHostsName(target)} through ${through}`,
        cause: error as Error,
        advice: [`ssh -J ${jump.#options.target.user}@${through} -p ${target.port} ${target.user}@${target.host} true`],
      });
    }
  }

  #explain(error: SshError, locked: readonly string[]): SlipwayError {
    const { target } = this.#options;
    const name = knownHostsName(target);
    const unlock = unlocking(locked, this.#options);
    if (error.level === 'client-authentication')
      return new SlipwayError('SSH_AUTH_FAILED', {
        tried: `log in to ${name} as ${target.user}`,
        cause: ['the host refused every key that was offered', ...unlock.map(({ cause }) => cause)].join('; '),
        advice: [
          ...unlock.map(({ advice }) => advice),
          `ssh-copy-id -p ${target.port} ${target.user}@${target.host}`,
          `ssh -p ${target.port} ${target.user}@${target.host} true`,
        ],
      });
    return new SlipwayError('HOST_UNREACHABLE', {
      tried: `connect to ${name}`,
      cause: error,
      advice: [`ssh -p ${target.port} ${target.user}@${target.host} true`],
    });
  }

  #acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

/** As the library says it of a host that it dials by itself. */
const silence = (): SshError => Object.assign(new Error(`no answer within ${READY_TIMEOUT_MS / 1000} s`), { level: 'client-timeout' });

/** It has been waited for, and has not said a word: it is away, or a firewall drops. */
const isSilent = ({ cause }: SlipwayError): boolean => (cause as SshError | undefined)?.level === 'client-timeout';

/** A key of one type can sign in several ways. */
const algorithmsOf = (type: string): ServerHostKeyAlgorithm[] =>
  (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type]) as ServerHostKeyAlgorithm[];
