import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientChannel, Client as SshClient } from 'ssh2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

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

/** It still counts a session whose command has just ended (RFC 4254, 5.1: connect failed, resource shortage): nothing was run, so that it is asked again. */
const REFUSED_FOR_NOW = new Set([2, 4]);
const OPEN_ATTEMPTS = 40;
const OPEN_AGAIN_MS = 25;
const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** Runs a command line of the remote shell on a connection that is open. Throws CONNECTION_LOST, TIMEOUT. */
export const execOn = async (client: SshClient, commandLine: string, options: ExecOptions & { host: string }): Promise<RawResult> => {
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
