import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { createSpdyConnection, type SpdyStream } from '../../base/streams/spdy.ts';
import { openRuntimeStream } from './runtime-stream.ts';

/** Channels of v4 and v5.channel.k8s.io. */
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
/** Streams to the runtime are of this version: containerd has no later one. */
const RUNTIME_PROTOCOL = 'v4.channel.k8s.io';
const HIGH_WATER_BYTES = 1024 * 1024;

/** Those before v4 tell of a failure in words, and of success not at all; base64 ones send text, the channel as a digit before it. */
interface Protocol {
  isBase64: boolean;
  hasStatus: boolean;
}

export const REMOTE_COMMAND_PROTOCOLS: Readonly<Record<string, Protocol>> = {
  'v5.channel.k8s.io': { isBase64: false, hasStatus: true },
  'v4.channel.k8s.io': { isBase64: false, hasStatus: true },
  'v4.base64.channel.k8s.io': { isBase64: true, hasStatus: true },
  'channel.k8s.io': { isBase64: false, hasStatus: false },
  'base64.channel.k8s.io': { isBase64: true, hasStatus: false },
};
/** Clients that name none. */
const OLDEST: Protocol = { isBase64: false, hasStatus: false };

export interface RemoteCommandStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/**
 * Joins a WebSocket of exec or attach with a streaming URL of the runtime, which speaks SPDY. The error channel carries a
 * Status at the end: Success, or Failure with the exit code. Resolves when the session is over.
 */
export const joinRemoteCommand = async (socket: WebSocket, url: string, wanted: RemoteCommandStreams): Promise<void> => {
  // Messages may come before the runtime has answered; they wait here.
  const early: Buffer[] = [];
  let onMessage = (message: Buffer): void => void early.push(message);
  socket.on('message', (message: Buffer) => onMessage(message));
  const { socket: transport, head } = await openRuntimeStream(url, RUNTIME_PROTOCOL);
  if (head.length > 0) transport.unshift(head);
  const connection = createSpdyConnection(transport, { role: 'client' });
  socket.once('close', () => transport.destroy());

  const open = async (streamType: string, isWanted: boolean): Promise<SpdyStream | undefined> =>
    isWanted ? connection.openStream({ streamType }) : undefined;
  const error = await open('error', true);
  const stdin = await open('stdin', wanted.stdin);
  const stdout = await open('stdout', wanted.stdout);
  const stderr = await open('stderr', wanted.stderr && !wanted.tty);
  const resize = await open('resize', wanted.tty);

  const protocol = REMOTE_COMMAND_PROTOCOLS[socket.protocol] ?? OLDEST;
  onMessage = (raw) => {
    const message = protocol.isBase64 ? fromBase64(raw) : raw;
    const [channel] = message;
    if (channel === CHANNEL.close && message[1] === CHANNEL.stdin) stdin?.end();
    else if (channel === CHANNEL.stdin && stdin) writeOrPause(stdin, message.subarray(1), socket);
    else if (channel === CHANNEL.resize) resize?.write(message.subarray(1));
  };
  for (const message of early.splice(0)) onMessage(message);

  await Promise.all([
    forward(stdout, { channel: CHANNEL.stdout, socket, protocol }),
    forward(stderr, { channel: CHANNEL.stderr, socket, protocol }),
    protocol.hasStatus ? forward(error, { channel: CHANNEL.error, socket, protocol }) : forwardFailure(error, { socket, protocol }),
  ]);
  connection.close();
  socket.close(1000);
};

const writeOrPause = (stream: Duplex, bytes: Buffer, socket: WebSocket): void => {
  if (bytes.length === 0 || stream.destroyed || stream.writableEnded || stream.write(bytes)) return;
  socket.pause();
  stream.once('drain', () => socket.resume());
};

/** Resolves when the stream has ended, in whatever way. */
const forward = async (
  stream: SpdyStream | undefined,
  { channel, socket, protocol }: { channel: number; socket: WebSocket; protocol: Protocol },
): Promise<void> => {
  if (!stream) return;
  try {
    for await (const chunk of stream) {
      if (socket.readyState !== socket.OPEN) return;
      const sent = new Promise<void>((resolve) => socket.send(toMessage(channel, chunk as Buffer, protocol), () => resolve()));
      if (socket.bufferedAmount > HIGH_WATER_BYTES) await sent;
    }
  } catch {
    // A stream that broke has nothing more to say; the error channel tells why.
  }
};

/** The Status of the end, for clients that know none. */
const forwardFailure = async (stream: SpdyStream | undefined, options: { socket: WebSocket; protocol: Protocol }): Promise<void> => {
  if (!stream) return;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch {
    // As above: what has come is all there is.
  }
  const failure = failureIn(Buffer.concat(chunks).toString());
  if (failure !== undefined && options.socket.readyState === options.socket.OPEN)
    options.socket.send(toMessage(CHANNEL.error, Buffer.from(failure), options.protocol));
};

const failureIn = (text: string): string | undefined => {
  if (text === '') return undefined;
  try {
    const { status, message } = JSON.parse(text) as { status?: string; message?: string };
    return status === 'Failure' ? (message ?? text) : undefined;
  } catch {
    return text;
  }
};

const toMessage = (channel: number, bytes: Buffer, { isBase64 }: Protocol): Buffer | string =>
  isBase64 ? `${channel}${bytes.toString('base64')}` : Buffer.concat([Buffer.from([channel]), bytes]);

const fromBase64 = (text: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(text[0] ?? 0) - 0x30]), Buffer.from(text.subarray(1).toString(), 'base64')]);
