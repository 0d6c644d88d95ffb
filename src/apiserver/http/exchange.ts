import type { IncomingHttpHeaders } from 'node:http2';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { statusError } from '../../api/meta/status.ts';

/** Response headers; names in small letters. */
export type Headers = Record<string, string | number | string[]>;

/** One request and its answer, the same for HTTP/1.1, HTTP/2 and upgrades. */
export interface Exchange {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2.0';
  readonly socket: TLSSocket;
  readonly headers: IncomingHttpHeaders;
  /** An answer has begun. */
  readonly started: boolean;
  /** The client has gone, or the answer is complete. */
  readonly closed: boolean;
  /** Rejects with Status 413 above `limit` bytes, and when the client goes away. */
  readBody(limit: number): Promise<Buffer>;
  /** The request's body as it comes, for proxies. */
  bodyStream(): Readable;
  respond(code: number, headers: Headers, body?: Buffer | string): void;
  /** A whole answer whose body lies in pieces, none of which may change. Resolves when it has left, or the client is gone. */
  respondWith(code: number, headers: Headers, pieces: readonly Buffer[]): Promise<void>;
  /** Begins an answer whose body follows. */
  begin(code: number, headers: Headers): BodySink;
  /** The same as a stream of node's, for proxies. */
  beginStream(code: number, headers: Headers): Writable;
  /** Cuts an answer short: the client sees that it is not whole. */
  abort(): void;
  /** Calls back once when the exchange is over, however it ended. */
  onClose(callback: () => void): void;
}

/** Where the body of an answer goes. */
export interface BodySink {
  /** False: the client does not keep up; `onDrain` tells when to go on. Bytes that were given are sent in any case. */
  write(bytes: Buffer | string): boolean;
  /** Calls back once. One call is kept at a time. */
  onDrain(callback: () => void): void;
  end(): void;
}

/** Node's own words come with its headers; Kubernetes' clients compare none of them. */
export const bodyTooLarge = (limit: number) => statusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);

/** An upgrade: the raw socket and what was read beyond the head. */
export interface UpgradeExchange {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: TLSSocket;
  readonly head: Buffer;
}

/** A plain HTTP/1.1 answer on a socket that was meant to be upgraded. */
export const refuseUpgrade = (socket: Duplex, code: number, headers: Headers, body: Buffer): void => {
  const lines = [`HTTP/1.1 ${code} ${code === 101 ? 'Switching Protocols' : 'Refused'}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${Array.isArray(value) ? value.join(', ') : value}`);
  lines.push(`content-length: ${body.length}`, 'connection: close', '', '');
  socket.end(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body]));
};
