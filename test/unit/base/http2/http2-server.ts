/** A server of ours on a plain socket, for node's client and for clients that send what they please. */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:http2';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { Http2Connection, type Http2Limits } from '../../../../src/base/http2/http2-connection.ts';
import type { Http2Stream } from '../../../../src/base/http2/http2-stream.ts';

export interface TestServer {
  readonly port: number;
  readonly connections: Http2Connection[];
  readonly failures: string[];
  client(): Promise<ClientHttp2Session>;
  stop(): Promise<void>;
}

const LIMITS: Http2Limits = {
  concurrentStreams: 100,
  headerBytes: 16 * 1024,
  streamWindow: 64 * 1024,
  connectionWindow: 256 * 1024,
  resetBurst: 20,
  resetsPerSecond: 1,
};

export const startServer = async (request: (stream: Http2Stream) => void): Promise<TestServer> => {
  const sockets = new Set<Socket>();
  const connections: Http2Connection[] = [];
  const failures: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    const handlers = { request, failed: (error: Error) => failures.push(error.message), closed: () => {} };
    connections.push(new Http2Connection(socket, { limits: LIMITS, handlers }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clients: ClientHttp2Session[] = [];
  return {
    port,
    connections,
    failures,
    async client() {
      const session = connect(`http://127.0.0.1:${port}`);
      session.on('error', () => {});
      clients.push(session);
      await new Promise((resolve) => session.once('connect', resolve));
      // A stream that is not read must not use up the window of all.
      session.setLocalWindowSize(16 * 1024 * 1024);
      return session;
    },
    async stop() {
      for (const session of clients) session.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

export interface Got {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export const ask = (session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Buffer | string): Promise<Got> =>
  new Promise((resolve, reject) => {
    const stream: ClientHttp2Stream = session.request(headers, { endStream: body === undefined });
    let got: IncomingHttpHeaders = {};
    const parts: Buffer[] = [];
    stream.on('response', (answer) => {
      got = answer;
    });
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.once('end', () => resolve({ status: Number(got[':status']), headers: got, body: Buffer.concat(parts) }));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
    if (body !== undefined) stream.end(body);
  });

export interface RawFrame {
  type: number;
  flags?: number;
  streamId?: number;
  payload?: Buffer;
  /** Says another length than it has. */
  length?: number;
}

export const frame = ({ type, flags = 0, streamId = 0, payload = Buffer.alloc(0), length = payload.length }: RawFrame): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
};

/** Sends bytes on a connection of its own and reads what comes until the server closes or has been silent. */
export const raw = (port: number, bytes: readonly Buffer[], silentMs = 150): Promise<{ frames: RawFrame[]; closed: boolean }> =>
  new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    let received = Buffer.alloc(0);
    const finish = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ frames: framesOf(received), closed });
    };
    let timer = setTimeout(() => finish(false), 3000);
    socket.on('data', (part: Buffer) => {
      received = Buffer.concat([received, part]);
      clearTimeout(timer);
      timer = setTimeout(() => finish(false), silentMs);
    });
    socket.on('error', () => finish(true));
    socket.once('close', () => finish(true));
    for (const part of bytes) socket.write(part);
  });

const framesOf = (bytes: Buffer): RawFrame[] => {
  const frames: RawFrame[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, streamId: bytes.readUInt32BE(at + 5), payload });
    at += 9 + length;
  }
  return frames;
};
