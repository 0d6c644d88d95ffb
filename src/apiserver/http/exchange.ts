import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { statusError } from '../../api/meta/status.ts';

/** Response headers; names in small letters. */
export type Headers = Record<string, string | number | string[]>;

/**
 * One request and its answer, the same for HTTP/1.1 and HTTP/2. Written straight on the http2 stream: the compatibility layer of
 * node:http2 costs a third of a small request.
 */
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
  /** Begins an answer whose body follows in pieces. */
  begin(code: number, headers: Headers): Writable;
  /** Calls back once when the exchange is over, however it ended. */
  onClose(callback: () => void): void;
}

/** Node's own words come with its headers; Kubernetes' clients compare none of them. */
export const bodyTooLarge = (limit: number) => statusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);

const readAll = (stream: Readable, limit: number, declared: string | undefined): Promise<Buffer> => {
  if (declared !== undefined && Number(declared) > limit) {
    stream.resume();
    return Promise.reject(bodyTooLarge(limit));
  }
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    stream.on('data', (part: Buffer) => {
      size += part.length;
      if (size > limit) {
        stream.removeAllListeners('data');
        stream.resume();
        reject(bodyTooLarge(limit));
        return;
      }
      parts.push(part);
    });
    stream.once('end', () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, size)));
    stream.once('error', reject);
    stream.once('close', () => {
      // An error that nobody hears still costs its stack.
      if (!stream.readableEnded) reject(new Error('the client went away'));
    });
  });
};

export class Http2Exchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly protocol = 'HTTP/2.0';
  readonly headers: IncomingHttpHeaders;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders & { ':method'?: string; ':path'?: string }) {
    this.#stream = stream;
    this.headers = headers;
    this.method = headers[':method'] ?? 'GET';
    this.url = headers[':path'] ?? '/';
    // Resets by the client arrive as errors; the exchange's end is told by 'close'.
    stream.on('error', ignore);
  }

  get socket(): TLSSocket {
    return (this.#stream.session as ServerHttp2Session).socket as TLSSocket;
  }
  get started(): boolean {
    return this.#stream.headersSent;
  }
  get closed(): boolean {
    return this.#stream.destroyed || this.#stream.closed || this.#stream.writableEnded;
  }
  readBody(limit: number): Promise<Buffer> {
    return readAll(this.#stream, limit, this.headers['content-length']);
  }
  bodyStream(): Readable {
    return this.#stream;
  }
  respond(code: number, headers: Headers, body?: Buffer | string): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    headers[':status'] = code;
    const empty = body === undefined || body.length === 0 || this.method === 'HEAD';
    if (body !== undefined) headers['content-length'] = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    stream.respond(headers, { endStream: empty });
    if (!empty) stream.end(body);
    this.#takeEnd();
    // The rest of a body that nobody wants must not hold the stream open.
    if (!stream.endAfterHeaders && !stream.readableEnded && !stream.readableFlowing) stream.close(constants.NGHTTP2_NO_ERROR);
  }
  /** A request without a body has only its end left to take; untaken it makes node reset the stream after the answer. */
  #takeEnd(): void {
    if (this.#stream.endAfterHeaders && this.#stream.readableFlowing === null) this.#stream.resume();
  }
  begin(code: number, headers: Headers): Writable {
    if (!this.#stream.destroyed && !this.#stream.headersSent) this.#stream.respond({ ...headers, ':status': code });
    this.#takeEnd();
    return this.#stream;
  }
  onClose(callback: () => void): void {
    if (this.#stream.destroyed) queueMicrotask(callback);
    else this.#stream.once('close', callback);
  }
}

export class Http1Exchange implements Exchange {
  readonly protocol = 'HTTP/1.1';
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    request.on('error', ignore);
    response.on('error', ignore);
  }

  get method(): string {
    return this.#request.method ?? 'GET';
  }
  get url(): string {
    return this.#request.url ?? '/';
  }
  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }
  get socket(): TLSSocket {
    return this.#request.socket as TLSSocket;
  }
  get started(): boolean {
    return this.#response.headersSent;
  }
  get closed(): boolean {
    return this.#response.writableEnded || this.#response.destroyed;
  }
  readBody(limit: number): Promise<Buffer> {
    return readAll(this.#request, limit, this.#request.headers['content-length']);
  }
  bodyStream(): Readable {
    return this.#request;
  }
  respond(code: number, headers: Headers, body?: Buffer | string): void {
    if (this.#response.headersSent) return;
    if (!this.#request.complete) headers['connection'] = 'close';
    if (body !== undefined) headers['content-length'] = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    this.#response.writeHead(code, headers);
    this.#response.end(this.method === 'HEAD' ? undefined : body);
    if (!this.#request.complete) this.#request.resume();
  }
  begin(code: number, headers: Headers): Writable {
    if (!this.#response.headersSent) {
      this.#response.writeHead(code, headers);
      this.#response.flushHeaders();
    }
    return this.#response;
  }
  onClose(callback: () => void): void {
    if (this.#response.destroyed) queueMicrotask(callback);
    else this.#response.once('close', callback);
  }
}

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

// Errors of a single stream are the client's going away; 'close' follows and ends what depends on it.
const ignore = (): void => {};
