import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2, { type ClientChannel, type ServerHostKeyAlgorithm, type Client as SshClient } from 'ssh2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { HostKeys } from './known-hosts.ts';
import { authMethods } from './ssh-keys.ts';
import { knownHostsName, type SshTarget } from './ssh-target.ts';

export interface SshOptions {
  target: SshTarget;
  /** Logged in to first; the target is reached through it. */
  jump?: SshTarget | undefined;
  identityFile?: string | undefined;
  /** SSH_AUTH_SOCK. */
  agentSocket?: string | undefined;
  knownHosts: HostKeys;
}

export interface RawResult {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
}

/** sshd refuses the eleventh by default; two are left for the user's own sessions over a shared connection. */
const MAX_CHANNELS = 8;
const READY_TIMEOUT_MS = 20_000;
const CONNECT_ATTEMPTS = 3;
const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** One connection to one host, opened at first use and again when it broke; commands share it, eight at a time. */
export class SshConnection {
  readonly #options: SshOptions;
  #client: Promise<SshClient> | undefined;
  #jump: SshConnection | undefined;
  #free = MAX_CHANNELS;
  readonly #waiting: (() => void)[] = [];

  constructor(options: SshOptions) {
    this.#options = options;
    if (options.jump) this.#jump = new SshConnection({ ...options, target: options.jump, jump: undefined });
  }

  /** Runs a command line of the remote shell. `input` is its stdin. */
  async exec(
    commandLine: string,
    options: { input?: string | Uint8Array | Readable; signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<RawResult> {
    options.signal?.throwIfAborted();
    await this.#acquire();
    try {
      const client = await this.#connected();
      return await execOn(client, commandLine, options);
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
    const sock = this.#jump && (await this.#jump.forward(target.host, target.port));
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
        ...(sock ? { sock: sock as never } : { host: target.host, port: target.port }),
        username: target.user,
        authHandler: methods,
        readyTimeout: READY_TIMEOUT_MS,
        keepaliveInterval: 10_000,
        keepaliveCountMax: 3,
        ...(known.length ? { algorithms: { serverHostKey: { prepend: known.flatMap(algorithmsOf), append: [], remove: [] } } } : {}),
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

const execOn = async (
  client: SshClient,
  commandLine: string,
  options: { input?: string | Uint8Array | Readable; signal?: AbortSignal; timeoutMs?: number },
): Promise<RawResult> => {
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.exec(commandLine, (error, opened) =>
      error ? reject(new SlipwayError('HOST_UNREACHABLE', { tried: 'run a command over SSH', cause: error })) : resolve(opened),
    ),
  );
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], size: 0 };
  const collect = (into: Buffer[]) => (chunk: Buffer) => {
    output.size += chunk.length;
    if (output.size <= OUTPUT_LIMIT) into.push(chunk);
  };
  channel.on('data', collect(output.stdout));
  channel.stderr.on('data', collect(output.stderr));
  let exitCode: number | undefined;
  channel.on('exit', (code: number | null) => {
    exitCode = code ?? 137;
  });
  const giveUp = AbortSignal.any([
    ...(options.signal ? [options.signal] : []),
    ...(options.timeoutMs ? [AbortSignal.timeout(options.timeoutMs)] : []),
  ]);
  const stop = (): void => channel.close();
  giveUp.addEventListener('abort', stop, { once: true });
  try {
    const closed = new Promise<void>((resolve) => channel.once('close', () => resolve()));
    if (options.input !== undefined && !(typeof options.input === 'string' || options.input instanceof Uint8Array))
      // A command that ends before it has read everything is judged by its exit code.
      await pipeline(options.input, channel, { end: true }).catch(() => {});
    else channel.end(options.input ?? '');
    await closed;
  } finally {
    giveUp.removeEventListener('abort', stop);
  }
  options.signal?.throwIfAborted();
  if (exitCode === undefined)
    throw new SlipwayError(giveUp.aborted ? 'TIMEOUT' : 'HOST_UNREACHABLE', {
      tried: 'run a command over SSH',
      cause: giveUp.aborted ? `it had not ended after ${options.timeoutMs} ms` : 'the connection broke',
    });
  return { exitCode, stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr) };
};
