import type { IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type BodySink, bodyTooLarge, type Exchange, type Headers } from './exchange.ts';

/** Pieces are written in batches of about this size. */
const BATCH_BYTES = 256 * 1024;

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
  async respondWith(code: number, headers: Headers, pieces: readonly Buffer[]): Promise<void> {
    const out = this.begin(code, headers);
    for (let at = 0; at < pieces.length && !this.closed; ) {
      const batch: Buffer[] = [];
      for (let bytes = 0; at < pieces.length && bytes < BATCH_BYTES; at += 1) {
        const piece = pieces[at] as Buffer;
        batch.push(piece);
        bytes += piece.length;
      }
      if (!out.write(Buffer.concat(batch))) await this.#drained();
    }
    out.end();
  }
  #drained(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      const over = (): void => {
        response.removeListener('drain', over);
        response.removeListener('close', over);
        resolve();
      };
      response.once('drain', over);
      response.once('close', over);
    });
  }
  begin(code: number, headers: Headers): BodySink {
    const response = this.beginStream(code, headers);
    return {
      write: (bytes) => response.write(bytes),
      onDrain: (callback) => response.once('drain', callback),
      end: () => response.end(),
    };
  }
  beginStream(code: number, headers: Headers): Writable {
    if (!this.#response.headersSent) {
      this.#response.writeHead(code, headers);
      this.#response.flushHeaders();
    }
    return this.#response;
  }
  abort(): void {
    this.socket.destroy();
  }
  onClose(callback: () => void): void {
    if (this.#response.destroyed) queueMicrotask(callback);
    else this.#response.once('close', callback);
  }
}

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

// Errors of a single stream are the client's going away; 'close' follows and ends what depends on it.
const ignore = (): void => {};
