import { connect, type Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2, { type CipherAlgorithm, type ClientChannel, type ServerHostKeyAlgorithm, type Client as SshClient } from 'ssh2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { HostKeys } from './known-hosts.ts';
import { authMethods } from './ssh-keys.ts';
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

/** `head` comes before `input` on the command's stdin. */
export interface ExecOptions {
  head?: string;
  input?: string | Uint8Array | Readable;
  signal?: AbortSignal;
  timeoutMs?: number;
}

export interface RawResult {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
}

/** sshd refuses the eleventh by default; two are left for the user's own sessions over a shared connection. */
const MAX_CHANNELS = 8;
/** It still counts a session whose command has just ended (RFC 4254, 5.1: connect failed, resource shortage): nothing was run, so that it is asked again. */
const REFUSED_FOR_NOW = new Set([2, 4]);
const OPEN_ATTEMPTS = 40;
const OPEN_AGAIN_MS = 25;
const LEAVE_MS = 2000;
const READY_TIMEOUT_MS = 20_000;
/** A host that says nothing three times in a row is taken for gone. */
const KEEPALIVE_MS = 5_000;
/** Processors do AES by themselves, and its MAC comes with it; the others cost several times as much for large files. */
const QUICK_CIPHERS: CipherAlgorithm[] = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'];
const CONNECT_ATTEMPTS = 3;
const OUTPUT_LIMIT = 16 * 1024 * 1024;

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
    return new Promise((resolve, reject) =>
      client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => (error ? reject(error) : resolve(channel))),
    );
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
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#openOnce();
      } catch (error) {
        if (error instanceof SlipwayError && (error.code !== 'HOST_UNREACHABLE' || attempt >= CONNECT_ATTEMPTS)) throw error;
        await delay(200 * attempt);
      }
    }
  }

  async #openOnce(): Promise<SshClient> {
    const { target, knownHosts } = this.#options;
    const methods = await authMethods(target, this.#options);
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
      client.once('error', (error: Error & { level?: string }) => reject(refusal ?? this.#explain(error)));
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

  #explain(error: Error & { level?: string }): SlipwayError {
    const { target } = this.#options;
    const name = knownHostsName(target);
    if (error.level === 'client-authentication')
      return new SlipwayError('SSH_AUTH_FAILED', {
        tried: `log in to ${name} as ${target.user}`,
        cause: 'the host refused every key that was offered',
        advice: [`ssh-copy-id -p ${target.port} ${target.user}@${target.host}`, `ssh -p ${target.port} ${target.user}@${target.host} true`],
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

/** A key of one type can sign in several ways. */
const algorithmsOf = (type: string): ServerHostKeyAlgorithm[] =>
  (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type]) as ServerHostKeyAlgorithm[];

const execOn = async (client: SshClient, commandLine: string, options: ExecOptions & { host: string }): Promise<RawResult> => {
  const lost = (cause: string | Error): SlipwayError =>
    new SlipwayError('CONNECTION_LOST', { tried: `run a command on ${options.host}`, cause });
  const giveUp = AbortSignal.any([
    ...(options.signal ? [options.signal] : []),
    ...(options.timeoutMs ? [AbortSignal.timeout(options.timeoutMs)] : []),
  ]);
  let exitCode: number | undefined;
  let closed: Promise<void> = Promise.resolve();
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    const broken = (): void => reject(lost('the connection broke'));
    client.once('close', broken);
    const opened = (attempt: number) => (error: Error | undefined, there: ClientChannel) => {
      if (error && attempt < OPEN_ATTEMPTS && REFUSED_FOR_NOW.has((error as Error & { reason?: number }).reason ?? 0)) {
        setTimeout(open, OPEN_AGAIN_MS, attempt + 1);
        return;
      }
      client.off('close', broken);
      if (error) {
        reject(lost(error));
        return;
      }
      // Heard from here on, not from the next turn: all of a quick command may come in one packet.
      closed = new Promise((ended) => there.once('close', () => ended()));
      there.on('exit', (code: number | null) => {
        // Ended by a signal: ours, when we have given it up, is no exit code of the command.
        exitCode = code ?? (giveUp.aborted ? undefined : 137);
      });
      resolve(there);
    };
    const open = (attempt: number): void => {
      try {
        client.exec(commandLine, opened(attempt));
      } catch (error) {
        // Its socket is closed, and nobody has been told yet.
        client.off('close', broken);
        reject(lost(error as Error));
      }
    };
    open(1);
  });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], size: 0 };
  const collect = (into: Buffer[]) => (chunk: Buffer) => {
    output.size += chunk.length;
    if (output.size <= OUTPUT_LIMIT) into.push(chunk);
  };
  channel.on('data', collect(output.stdout));
  channel.stderr.on('data', collect(output.stderr));
  const stop = (): void => channel.close();
  giveUp.addEventListener('abort', stop, { once: true });
  try {
    await feed(channel, options);
    await closed;
  } finally {
    giveUp.removeEventListener('abort', stop);
  }
  options.signal?.throwIfAborted();
  if (exitCode !== undefined) return { exitCode, stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr) };
  if (!giveUp.aborted) throw lost('the connection broke');
  throw new SlipwayError('TIMEOUT', { tried: `run a command on ${options.host}`, cause: `it had not ended after ${options.timeoutMs} ms` });
};

const feed = async (channel: ClientChannel, { head, input }: ExecOptions): Promise<void> => {
  // A command that ends before it has read everything is judged by its exit code.
  channel.on('error', () => {});
  if (head) channel.write(head);
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) channel.end(input ?? '');
  else await pipeline(input, channel, { end: true }).catch(() => {});
};
