import type { IncomingHttpHeaders } from 'node:http2';
import { Readable, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { ErrorCode } from '../../base/http2/http2-frames.ts';
import type { Http2Stream } from '../../base/http2/http2-stream.ts';
import { type BodySink, bodyTooLarge, type Exchange, type Headers } from './exchange.ts';

const EMPTY = Buffer.alloc(0);

export class Http2Exchange implements Exchange {
  readonly protocol = 'HTTP/2.0';
  readonly socket: TLSSocket;
  readonly #stream: Http2Stream;

  constructor(stream: Http2Stream, socket: TLSSocket) {
    this.#stream = stream;
    this.socket = socket;
  }

  get method(): string {
    return this.#stream.head.method;
  }
  get url(): string {
    return this.#stream.head.path;
  }
  get headers(): IncomingHttpHeaders {
    return this.#stream.head.headers;
  }
  get started(): boolean {
    return this.#stream.headersSent;
  }
  get closed(): boolean {
    return this.#stream.isClosed;
  }

  readBody(limit: number): Promise<Buffer> {
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const refuse = (): void => {
        stream.ignoreBody();
        reject(bodyTooLarge(limit));
      };
      if ((stream.head.contentLength ?? 0) > limit) return refuse();
      const parts: Buffer[] = [];
      let size = 0;
      stream.receive({
        data: (part) => {
          size += part.length;
          if (size > limit) refuse();
          else parts.push(part);
        },
        end: () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, size)),
        aborted: () => reject(new Error('the client went away')),
      });
    });
  }

  bodyStream(): Readable {
    return new BodyReadable(this.#stream);
  }

  respond(code: number, headers: Headers, body?: Buffer | string): void {
    const stream = this.#stream;
    if (stream.isClosed || stream.headersSent) return;
    const bytes = typeof body === 'string' ? Buffer.from(body) : (body ?? EMPTY);
    if (body !== undefined) headers['content-length'] = bytes.length;
    headers['date'] = httpDate();
    const isEmpty = bytes.length === 0 || this.method === 'HEAD';
    stream.respond(code, headers, isEmpty);
    if (!isEmpty) stream.end([bytes]);
  }

  respondWith(code: number, headers: Headers, pieces: readonly Buffer[]): Promise<void> {
    const stream = this.#stream;
    if (stream.isClosed || stream.headersSent) return Promise.resolve();
    headers['date'] = httpDate();
    const isEmpty = this.method === 'HEAD';
    stream.respond(code, headers, isEmpty);
    if (isEmpty) return Promise.resolve();
    stream.end(pieces);
    return new Promise((resolve) => stream.onClose(resolve));
  }

  begin(code: number, headers: Headers): BodySink {
    const stream = this.#stream;
    headers['date'] = httpDate();
    stream.respond(code, headers, false);
    return {
      write: (bytes) => stream.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes),
      onDrain: (callback) => stream.onDrain(callback),
      end: () => stream.end(),
    };
  }

  beginStream(code: number, headers: Headers): Writable {
    this.#stream.respond(code, headers['date'] === undefined ? { ...headers, date: httpDate() } : headers, false);
    return new AnswerWritable(this.#stream);
  }

  abort(): void {
    this.#stream.reset(ErrorCode.INTERNAL_ERROR);
  }

  onClose(callback: () => void): void {
    this.#stream.onClose(callback);
  }
}

/** The body of a request: no more is taken from the client than is read here. */
class BodyReadable extends Readable {
  readonly #stream: Http2Stream;
  #isAttached = false;

  constructor(stream: Http2Stream) {
    super();
    this.#stream = stream;
  }

  override _read(): void {
    if (this.#isAttached) {
      this.#stream.resume();
      return;
    }
    this.#isAttached = true;
    this.#stream.receive({
      data: (bytes) => {
        if (!this.push(bytes)) this.#stream.pause();
      },
      end: () => this.push(null),
      aborted: () => this.destroy(new Error('the client went away')),
    });
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.#stream.hasWholeRequest) this.#stream.ignoreBody();
    callback(error);
  }
}

/** The body of an answer. Destroyed before its end it resets the stream, so that the client sees that it is not whole. */
class AnswerWritable extends Writable {
  readonly #stream: Http2Stream;

  constructor(stream: Http2Stream) {
    super();
    this.#stream = stream;
    stream.onClose(() => this.destroy());
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (this.#stream.write(chunk)) callback();
    else this.#stream.onDrain(callback);
  }

  override _final(callback: () => void): void {
    this.#stream.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.writableFinished) this.#stream.reset(ErrorCode.INTERNAL_ERROR);
    callback(error);
  }
}

const DATE_MS = 1000;
let date = '';
let dateUntil = 0;

/** The `date` of answers, made once a second. */
const httpDate = (): string => {
  const now = Date.now();
  if (now >= dateUntil) {
    date = new Date(now).toUTCString();
    dateUntil = now - (now % DATE_MS) + DATE_MS;
  }
  return date;
};
