import type { Readable, Writable } from 'node:stream';
import type WebSocket from 'ws';
import type { Status } from '../../api/meta/status.ts';
import { CommandError } from '../errors.ts';

/** Channels of v5.channel.k8s.io: the first byte of every message. */
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export const REMOTE_COMMAND_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

export interface RemoteStreams {
  stdin?: Readable | undefined;
  stdout: Writable;
  stderr: Writable;
  /** Sends the size of this terminal now and when it changes. */
  terminal?: NodeJS.WriteStream | undefined;
}

/**
 * Carries an exec or attach over its WebSocket until the command ends. Answers its exit code. Throws CommandError when it could not
 * be run, or when the connection broke.
 */
export const carryRemoteCommand = (socket: WebSocket, streams: RemoteStreams): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let outcome: { code: number } | { error: Error } | undefined;
  const send = (channel: number, data: Uint8Array): void => {
    if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.of(channel), data]));
  };
  const sendSize = (): void => {
    const { columns, rows } = streams.terminal ?? {};
    if (columns && rows) send(CHANNEL.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
  };
  const onStdin = (chunk: Buffer): void => {
    send(CHANNEL.stdin, Buffer.from(chunk));
    // A large file piped in must not pile up in memory.
    if (socket.bufferedAmount > 4 * 1024 * 1024) {
      streams.stdin?.pause();
      const resume = setInterval(() => {
        if (socket.bufferedAmount > 1024 * 1024 && socket.readyState === socket.OPEN) return;
        clearInterval(resume);
        streams.stdin?.resume();
      }, 20);
    }
  };
  const onStdinEnd = (): void => {
    if (socket.protocol === 'v5.channel.k8s.io') send(CHANNEL.close, Buffer.of(CHANNEL.stdin));
  };
  const write = (target: Writable, data: Buffer): void => {
    if (!target.write(data)) {
      socket.pause();
      target.once('drain', () => socket.resume());
    }
  };
  socket.on('message', (raw: Buffer) => {
    const data = raw.subarray(1);
    if (raw[0] === CHANNEL.stdout) write(streams.stdout, data);
    else if (raw[0] === CHANNEL.stderr) write(streams.stderr, data);
    else if (raw[0] === CHANNEL.error && data.length) {
      outcome = outcomeOf(data.toString('utf8'));
      socket.close(1000);
    }
  });
  socket.on('error', (error) => {
    outcome ??= { error };
  });
  socket.on('close', () => {
    streams.stdin?.off('data', onStdin).off('end', onStdinEnd).pause();
    streams.terminal?.off('resize', sendSize);
    if (outcome && 'code' in outcome) resolve(outcome.code);
    else if (outcome) reject(outcome.error);
    // An attach to a container that ended closes without a word.
    else resolve(0);
  });
  streams.stdin?.on('data', onStdin).on('end', onStdinEnd);
  streams.terminal?.on('resize', sendSize);
  sendSize();
  return promise;
};

const outcomeOf = (text: string): { code: number } | { error: Error } => {
  let status: Status;
  try {
    status = JSON.parse(text) as Status;
  } catch {
    return { error: new CommandError(text) };
  }
  if (status.status === 'Success') return { code: 0 };
  const exit = status.details?.causes?.find((cause) => cause.reason === 'ExitCode');
  if (exit) return { code: Number(exit.message) || 1 };
  return { error: new CommandError(status.message ?? 'the remote command failed') };
};
