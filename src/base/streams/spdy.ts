import { Duplex } from 'node:stream';
import { SpdyDecoder, SpdyEncoder, type SpdyFrame, type SpdyHeaders } from './spdy-frames.ts';

/**
 * SPDY/3.1 as upgraded Kubernetes connections use it (port-forward, older exec and attach, containerd's streaming server),
 * over any Duplex: a socket after `Upgrade: SPDY/3.1`, or a WebSocket that carries it.
 *
 * Flow control: the Go implementations of the other end have none, so it is off until both ends announce a window; without it a
 * stream whose reader is slow holds up its connection, as it does there.
 */
export interface SpdyConnection {
  /** Resolves once the other end has answered; rejects when it refused the stream. */
  openStream(headers: SpdyHeaders, options?: { fin?: boolean }): Promise<SpdyStream>;
  /** Resolves when the other end has answered. */
  ping(): Promise<void>;
  /** Says goodbye and closes the transport once what was written is out. */
  close(): void;
  /** Resolves when the transport has closed, for whatever reason. */
  readonly closed: Promise<void>;
}

export interface SpdyOptions {
  /** Who opened the transport: its streams have odd numbers. */
  role: 'client' | 'server';
  /** A stream of the other end. It is answered after this returns, unless it was reset in it. */
  onStream?: (stream: SpdyStream) => void;
  /** Offer flow control. */
  flowControl?: boolean;
}

const STATUS_REFUSED = 3;
const STATUS_CANCEL = 5;
const DEFAULT_WINDOW = 65_536;
const OUR_WINDOW = 1024 * 1024;
const MAX_CHUNK = 32 * 1024;
const MAX_STREAMS = 1000;

/** One stream: readable until the other end has finished, writable until `end()`. `reset()` ends both ways at once. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #send: (frame: SpdyFrame, done?: (error?: Error | null) => void) => void;
  readonly #resume: () => void;
  #sendWindow = Number.POSITIVE_INFINITY;
  #waiting: (() => void) | undefined;
  #consumed = 0;
  #hasFlowControl = false;
  #wasReset = false;
  /** The other end has said all. */
  #isAtEnd = false;

  constructor(
    id: number,
    headers: SpdyHeaders,
    wires: { send: (frame: SpdyFrame, done?: (error?: Error | null) => void) => void; resume: () => void },
  ) {
    super({ allowHalfOpen: true, readableHighWaterMark: OUR_WINDOW, writableHighWaterMark: 128 * 1024 });
    this.id = id;
    this.headers = headers;
    this.#send = wires.send;
    this.#resume = wires.resume;
    // A reset is no reason to end the process when nobody listens.
    this.on('error', () => {});
  }

  /** Ends both ways; the other end sees an error. */
  reset(status: number = STATUS_CANCEL): void {
    if (this.#wasReset || this.destroyed) return;
    this.#wasReset = true;
    this.#send({ kind: 'rst-stream', id: this.id, status });
    this.destroy();
  }

  get wasReset(): boolean {
    return this.#wasReset;
  }

  /** For the connection: a frame for this stream has come. Answers whether more is welcome. */
  receive(frame: SpdyFrame): boolean {
    if (this.destroyed) return true;
    if (frame.kind === 'rst-stream') {
      this.#wasReset = true;
      this.breakOff(new Error(`SPDY stream was reset with status ${frame.status}`));
      return true;
    }
    if (frame.kind === 'window-update') {
      this.#sendWindow += frame.delta;
      this.#wake();
      return true;
    }
    let more = true;
    if (frame.kind === 'data' && frame.data.length > 0) {
      more = this.push(frame.data);
      this.#consumed += frame.data.length;
      if (this.#hasFlowControl && more) this.#giveCredit();
    }
    if ('fin' in frame && frame.fin && !this.#isAtEnd) {
      this.#isAtEnd = true;
      this.push(null);
    }
    return more || this.#hasFlowControl;
  }

  /** For the connection: nothing more will come. What has come is still to be read, and only then there is the error. */
  breakOff(error: Error): void {
    if (this.readableLength === 0) {
      this.destroy(error);
      return;
    }
    this.once('end', () => this.destroy(error));
    if (!this.#isAtEnd) this.push(null);
    this.#isAtEnd = true;
  }

  useWindow(initial: number): void {
    this.#hasFlowControl = true;
    this.#sendWindow = initial;
  }

  override _read(): void {
    if (this.#hasFlowControl) this.#giveCredit();
    this.#resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const step = (offset: number): void => {
      if (this.destroyed) {
        done(new Error('SPDY stream is closed'));
        return;
      }
      const size = Math.min(chunk.length - offset, MAX_CHUNK, this.#sendWindow);
      if (size <= 0 && chunk.length > offset) {
        this.#waiting = () => step(offset);
        return;
      }
      this.#sendWindow -= size;
      const isLast = offset + size >= chunk.length;
      const next = (error?: Error | null): void => (error || isLast ? done(error) : step(offset + size));
      this.#send({ kind: 'data', id: this.id, data: chunk.subarray(offset, offset + size), fin: false }, next);
    };
    step(0);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#send({ kind: 'data', id: this.id, data: Buffer.alloc(0), fin: true }, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#wasReset && !(this.readableEnded && this.writableFinished)) {
      this.#wasReset = true;
      this.#send({ kind: 'rst-stream', id: this.id, status: STATUS_CANCEL });
    }
    this.#wake();
    this.#resume();
    done(error);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  #giveCredit(): void {
    if (this.#consumed < DEFAULT_WINDOW / 2) return;
    this.#send({ kind: 'window-update', id: this.id, delta: this.#consumed });
    this.#consumed = 0;
  }
}

export const createSpdyConnection = (transport: Duplex, options: SpdyOptions): SpdyConnection => new Connection(transport, options);

class Connection implements SpdyConnection {
  readonly closed: Promise<void>;
  readonly #transport: Duplex;
  readonly #options: SpdyOptions;
  readonly #encoder = new SpdyEncoder();
  readonly #decoder = new SpdyDecoder();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #opening = new Map<number, { resolve: (stream: SpdyStream) => void; reject: (error: Error) => void }>();
  readonly #pings = new Map<number, () => void>();
  #nextId: number;
  #nextPing: number;
  #lastPeerId = 0;
  #peerWindow: number | undefined;
  #isClosing = false;
  #resumeReading: (() => void) | undefined;

  constructor(transport: Duplex, options: SpdyOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#nextId = options.role === 'client' ? 1 : 2;
    this.#nextPing = this.#nextId;
    this.closed = new Promise((resolve) => transport.once('close', () => resolve()));
    transport.on('error', () => transport.destroy());
    void this.closed.then(() => this.#end());
    if (options.flowControl) this.#send({ kind: 'settings', initialWindow: OUR_WINDOW });
    void this.#readLoop();
  }

  openStream(headers: SpdyHeaders, { fin = false }: { fin?: boolean } = {}): Promise<SpdyStream> {
    if (this.#isClosing || this.#transport.destroyed) return Promise.reject(new Error('SPDY connection is closed'));
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = this.#newStream(id, headers);
    return new Promise((resolve, reject) => {
      this.#opening.set(id, { resolve, reject });
      this.#send({ kind: 'syn-stream', id, headers, fin, unidirectional: false });
      if (fin) stream.end();
    });
  }

  ping(): Promise<void> {
    const id = this.#nextPing;
    this.#nextPing += 2;
    return new Promise((resolve) => {
      this.#pings.set(id, resolve);
      this.#send({ kind: 'ping', id });
    });
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#send({ kind: 'go-away', lastId: this.#lastPeerId, status: 0 });
    this.#transport.end();
  }

  async #readLoop(): Promise<void> {
    try {
      for await (const chunk of this.#transport) {
        let more = true;
        for (const frame of await this.#decoder.decode(chunk as Buffer)) more = this.#handle(frame) && more;
        if (!more) await this.#drained();
      }
    } catch {
      // Not SPDY, or the transport broke: either way nothing sensible can be said to the other end any more.
    }
    this.#transport.destroy();
  }

  /** Resolves when a reader has taken something from a stream that was full. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#resumeReading = resolve;
    });
  }

  #handle(frame: SpdyFrame): boolean {
    switch (frame.kind) {
      case 'syn-stream':
        this.#accept(frame);
        return true;
      case 'syn-reply': {
        const stream = this.#streams.get(frame.id);
        if (stream) this.#opening.get(frame.id)?.resolve(stream);
        this.#opening.delete(frame.id);
        return stream?.receive(frame) ?? true;
      }
      case 'settings':
        if (frame.initialWindow !== undefined && this.#options.flowControl) this.#peerWindow = frame.initialWindow;
        return true;
      case 'ping': {
        const isOurs = frame.id % 2 === this.#nextPing % 2;
        if (!isOurs) this.#send(frame);
        else {
          this.#pings.get(frame.id)?.();
          this.#pings.delete(frame.id);
        }
        return true;
      }
      case 'go-away':
        this.#isClosing = true;
        return true;
      case 'rst-stream':
        this.#opening.get(frame.id)?.reject(new Error(`SPDY stream was refused with status ${frame.status}`));
        this.#opening.delete(frame.id);
        this.#streams.get(frame.id)?.receive(frame);
        return true;
      default:
        return this.#streams.get(frame.id)?.receive(frame) ?? true;
    }
  }

  #accept(frame: SpdyFrame & { kind: 'syn-stream' }): void {
    const { onStream } = this.#options;
    if (!onStream || this.#isClosing || this.#streams.size >= MAX_STREAMS || this.#streams.has(frame.id)) {
      this.#send({ kind: 'rst-stream', id: frame.id, status: STATUS_REFUSED });
      return;
    }
    this.#lastPeerId = frame.id;
    const stream = this.#newStream(frame.id, frame.headers);
    onStream(stream);
    if (!stream.wasReset) this.#send({ kind: 'syn-reply', id: frame.id, headers: {}, fin: false });
    if (frame.fin) stream.receive({ kind: 'data', id: frame.id, data: Buffer.alloc(0), fin: true });
    if (frame.unidirectional) stream.end();
  }

  #newStream(id: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(id, headers, {
      send: (frame, done) => this.#send(frame, done),
      resume: () => {
        const resume = this.#resumeReading;
        this.#resumeReading = undefined;
        resume?.();
      },
    });
    if (this.#peerWindow !== undefined) stream.useWindow(this.#peerWindow);
    this.#streams.set(id, stream);
    stream.once('close', () => this.#streams.delete(id));
    return stream;
  }

  #send(frame: SpdyFrame, done?: (error?: Error | null) => void): void {
    if (this.#transport.destroyed || this.#transport.writableEnded) {
      done?.(new Error('SPDY connection is closed'));
      return;
    }
    this.#transport.write(this.#encoder.encode(frame), (error) => done?.(error));
  }

  #end(): void {
    const error = new Error('SPDY connection was closed');
    for (const { reject } of this.#opening.values()) reject(error);
    for (const stream of this.#streams.values()) stream.breakOff(error);
    this.#opening.clear();
    this.#streams.clear();
    this.#resumeReading?.();
    this.#decoder.close();
  }
}
