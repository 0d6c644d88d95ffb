import type { Duplex } from 'node:stream';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { type HeaderBlock, HeaderBlocks } from './header-blocks.ts';
import { encodeResponse } from './hpack-encoder.ts';
import { ConnectionError, DEFAULT_WINDOW, ErrorCode, Flag, type Frame, MOST_WINDOW, Setting, Type, unpadded } from './http2-frames.ts';
import { clientSettings } from './http2-settings.ts';
import { Http2Stream, type StreamHome } from './http2-stream.ts';
import type { RequestHead } from './request-fields.ts';
import { TokenBucket } from './token-bucket.ts';

/** What a client may do. */
export interface Http2Limits {
  readonly concurrentStreams: number;
  /** Of the fields of one request, as HTTP/2 counts them. */
  readonly headerBytes: number;
  /** What a client may send of one body, and of all bodies of a connection, before somebody has taken it. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Streams that a client makes and takes back again (CVE-2023-44487): at once, and each second. */
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
}

export interface Http2Handlers {
  /** A request whose head is there. */
  request(stream: Http2Stream): void;
  /** The client broke the protocol: the connection is being ended. */
  failed(error: ConnectionError): void;
  /** The connection is over. */
  closed(): void;
}

/** Answers of the protocol itself that a client does not take. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;
const TOO_LARGE = 431;
/** How long a client that broke the protocol has to read why. */
const LAST_WORDS_MS = 1000;

/**
 * The server's side of one HTTP/2 connection (RFC 9113), made for many small answers: frames of all streams that are written in one turn of
 * the event loop leave in one write, and a stream is a few fields instead of a stream of node's. Priorities are ignored and nothing is
 * pushed, as the RFC allows.
 */
export class Http2Connection implements StreamHome {
  readonly writer: FrameWriter;
  sendWindow = DEFAULT_WINDOW;
  readonly #socket: Duplex;
  readonly #limits: Http2Limits;
  readonly #handlers: Http2Handlers;
  readonly #reader = new FrameReader();
  readonly #blocks: HeaderBlocks;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #blocked = new Set<Http2Stream>();
  readonly #resets: TokenBucket;
  #lastStreamId = 0;
  /** Streams after this one are refused: the server is going. */
  #goneAfter = Number.POSITIVE_INFINITY;
  #streamWindow = DEFAULT_WINDOW;
  #mayReceive: number;
  #freed = 0;
  #hasSettings = false;
  #isOver = false;

  /** Begins to read at once. */
  constructor(socket: Duplex, options: { limits: Http2Limits; handlers: Http2Handlers; now?: () => number }) {
    const { limits, handlers, now = () => performance.now() } = options;
    this.#socket = socket;
    this.#limits = limits;
    this.#handlers = handlers;
    this.#blocks = new HeaderBlocks(limits.headerBytes);
    this.#resets = new TokenBucket({ burst: limits.resetBurst, perSecond: limits.resetsPerSecond, now });
    this.#mayReceive = limits.connectionWindow;
    this.writer = new FrameWriter(socket, () => this.#unblock());
    this.#greet();
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.once('close', () => this.#over());
  }

  /** Lets requests under way end, and takes no new ones. */
  close(): void {
    if (this.#isOver) return;
    if (this.#goneAfter === Number.POSITIVE_INFINITY) {
      this.#goneAfter = this.#lastStreamId;
      this.#goAway(ErrorCode.NO_ERROR);
    }
    if (this.#streams.size === 0) this.#end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  block(stream: Http2Stream): void {
    this.#blocked.add(stream);
  }

  consumed(bytes: number): void {
    this.#freed += bytes;
    if (this.#freed < this.#limits.connectionWindow / 2 || this.#isOver) return;
    this.#mayReceive += this.#freed;
    this.writer.head({ type: Type.WINDOW_UPDATE, flags: 0, streamId: 0, length: 4 });
    this.writer.putUInt32(this.#freed);
    this.#freed = 0;
  }

  closed(stream: Http2Stream): void {
    this.#streams.delete(stream.id);
    this.#blocked.delete(stream);
    if (this.#streams.size === 0 && this.#goneAfter !== Number.POSITIVE_INFINITY && !this.#isOver) this.#end();
  }

  #greet(): void {
    const { concurrentStreams, streamWindow, headerBytes, connectionWindow } = this.#limits;
    const settings = [
      [Setting.MAX_CONCURRENT_STREAMS, concurrentStreams],
      [Setting.INITIAL_WINDOW_SIZE, streamWindow],
      [Setting.MAX_HEADER_LIST_SIZE, headerBytes],
    ] as const;
    const payload = Buffer.alloc(settings.length * 6);
    for (const [at, [id, value]] of settings.entries()) {
      payload.writeUInt16BE(id, at * 6);
      payload.writeUInt32BE(value, at * 6 + 2);
    }
    this.writer.head({ type: Type.SETTINGS, flags: 0, streamId: 0, length: payload.length });
    this.writer.put(payload);
    this.writer.head({ type: Type.WINDOW_UPDATE, flags: 0, streamId: 0, length: 4 });
    this.writer.putUInt32(connectionWindow - DEFAULT_WINDOW);
  }

  #read(bytes: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.read(bytes, (frame) => this.#take(frame));
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.#fail(error);
    }
  }

  #take(frame: Frame): void {
    if (this.#isOver) return;
    if (!this.#hasSettings && frame.type !== Type.SETTINGS) throw wrong('the first frame is not SETTINGS');
    if (this.#blocks.isOpen && (frame.type !== Type.CONTINUATION || frame.streamId !== this.#blocks.streamId))
      throw wrong('another frame inside a header block');
    switch (frame.type) {
      case Type.HEADERS:
      case Type.CONTINUATION: {
        const block = frame.type === Type.HEADERS ? this.#blocks.begin(frame) : this.#blocks.goOn(frame);
        if (block) this.#takeHead(block);
        break;
      }
      case Type.DATA:
        this.#takeData(frame);
        break;
      case Type.RST_STREAM:
        this.#takeReset(frame);
        break;
      case Type.WINDOW_UPDATE:
        this.#takeWindowUpdate(frame);
        break;
      case Type.SETTINGS:
        this.#takeSettings(frame);
        break;
      case Type.PING:
        this.#takePing(frame);
        break;
      case Type.PRIORITY:
        if (frame.streamId === 0) throw wrong('PRIORITY of the connection');
        if (frame.payload.length !== 5) throw wrongSize('PRIORITY');
        break;
      case Type.GOAWAY:
        if (frame.streamId !== 0) throw wrong('GOAWAY of a stream');
        break;
      case Type.PUSH_PROMISE:
        throw wrong('a client may not push');
      default:
      // Extensions are ignored.
    }
  }

  #takeHead(block: HeaderBlock): void {
    const { streamId, isEnd, fields } = block;
    const known = this.#streams.get(streamId);
    if (known) {
      // Trailers: read, because both sides' tables must agree, and not used.
      const code = isEnd ? known.receivedEnd() : ErrorCode.PROTOCOL_ERROR;
      if (code !== undefined) this.#refuse(streamId, code);
      return;
    }
    if (streamId % 2 === 0) throw wrong('a stream of a client has an odd number');
    // Trailers of a stream that was answered and closed in the meantime.
    if (streamId <= this.#lastStreamId) return;
    this.#lastStreamId = streamId;
    const head = fields.isTooLarge ? undefined : fields.request();
    if (streamId > this.#goneAfter || this.#streams.size >= this.#limits.concurrentStreams) this.#reset(streamId, ErrorCode.REFUSED_STREAM);
    else if (fields.isTooLarge) this.#answerTooLarge(streamId, isEnd);
    else if (!head || (isEnd && (head.contentLength ?? 0) > 0)) this.#refuse(streamId, ErrorCode.PROTOCOL_ERROR);
    else this.#open(streamId, head, !isEnd);
  }

  #open(streamId: number, head: RequestHead, hasBody: boolean): void {
    const stream = new Http2Stream({
      id: streamId,
      head,
      home: this,
      hasBody,
      sendWindow: this.#streamWindow,
      receiveWindow: this.#limits.streamWindow,
    });
    this.#streams.set(streamId, stream);
    this.#handlers.request(stream);
  }

  #answerTooLarge(streamId: number, isEnd: boolean): void {
    const block = encodeResponse(TOO_LARGE, {});
    this.writer.head({ type: Type.HEADERS, flags: Flag.END_HEADERS | Flag.END_STREAM, streamId, length: block.length });
    this.writer.put(block);
    if (!isEnd) this.#reset(streamId, ErrorCode.NO_ERROR);
  }

  #takeData(frame: Frame): void {
    const { streamId, payload } = frame;
    if (streamId === 0 || streamId > this.#lastStreamId) throw wrong('DATA of a stream that was not begun');
    this.#mayReceive -= payload.length;
    if (this.#mayReceive < 0) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'more than the window of the connection');
    const bytes = unpadded(frame);
    const stream = this.#streams.get(streamId);
    if (!stream) {
      this.consumed(payload.length);
      return;
    }
    let code = stream.received(bytes, payload.length);
    if (code === undefined && frame.flags & Flag.END_STREAM) code = stream.receivedEnd();
    if (code !== undefined) this.#refuse(streamId, code);
  }

  #takeReset({ streamId, payload }: Frame): void {
    if (payload.length !== 4) throw wrongSize('RST_STREAM');
    if (streamId === 0 || streamId > this.#lastStreamId) throw wrong('RST_STREAM of a stream that was not begun');
    this.#countReset();
    this.#streams.get(streamId)?.close();
  }

  #countReset(): void {
    if (!this.#resets.take()) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'too many streams are reset');
  }

  #takeWindowUpdate({ streamId, payload }: Frame): void {
    if (payload.length !== 4) throw wrongSize('WINDOW_UPDATE');
    const bytes = payload.readUInt32BE(0) & MOST_WINDOW;
    if (streamId === 0) {
      this.sendWindow += bytes;
      if (bytes === 0) throw wrong('a window grows by nothing');
      if (this.sendWindow > MOST_WINDOW)
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'the window of the connection is too large');
      this.#unblock();
      return;
    }
    if (streamId > this.#lastStreamId) throw wrong('WINDOW_UPDATE of a stream that was not begun');
    const stream = this.#streams.get(streamId);
    if (!stream) return;
    if (bytes === 0) this.#refuse(streamId, ErrorCode.PROTOCOL_ERROR);
    else if (!stream.widen(bytes)) this.#refuse(streamId, ErrorCode.FLOW_CONTROL_ERROR);
  }

  #takeSettings({ streamId, flags, payload }: Frame): void {
    if (streamId !== 0) throw wrong('SETTINGS of a stream');
    if (flags & Flag.ACK) {
      if (payload.length > 0) throw wrongSize('SETTINGS');
      return;
    }
    this.#hasSettings = true;
    const { streamWindow } = clientSettings(payload);
    if (streamWindow !== undefined) {
      const more = streamWindow - this.#streamWindow;
      this.#streamWindow = streamWindow;
      for (const stream of [...this.#streams.values()])
        if (!stream.widen(more)) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'a window is too large');
    }
    this.writer.head({ type: Type.SETTINGS, flags: Flag.ACK, streamId: 0, length: 0 });
    this.#mustRead();
  }

  #takePing({ streamId, flags, payload }: Frame): void {
    if (streamId !== 0) throw wrong('PING of a stream');
    if (payload.length !== 8) throw wrongSize('PING');
    if (flags & Flag.ACK) return;
    this.writer.head({ type: Type.PING, flags: Flag.ACK, streamId: 0, length: payload.length });
    this.writer.put(payload);
    this.#mustRead();
  }

  /** A client that asks without reading the answers costs no more than this. */
  #mustRead(): void {
    if (this.writer.pending > MOST_UNREAD_BYTES) this.destroy();
  }

  /** A stream ends for what the client did: that counts as if it had reset it (CVE-2025-8671). */
  #refuse(streamId: number, code: number): void {
    const stream = this.#streams.get(streamId);
    if (stream) stream.reset(code);
    else this.#reset(streamId, code);
    this.#countReset();
  }

  #reset(streamId: number, code: number): void {
    this.writer.head({ type: Type.RST_STREAM, flags: 0, streamId, length: 4 });
    this.writer.putUInt32(code);
    this.#mustRead();
  }

  /** In turn: who is stopped again goes to the end. */
  #unblock(): void {
    if (this.#blocked.size === 0 || this.#isOver) return;
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const stream of blocked) stream.pump();
  }

  #goAway(code: number): void {
    this.writer.head({ type: Type.GOAWAY, flags: 0, streamId: 0, length: 8 });
    this.writer.putUInt32(this.#lastStreamId);
    this.writer.putUInt32(code);
  }

  #fail(error: ConnectionError): void {
    if (this.#isOver) return;
    this.#handlers.failed(error);
    this.#goAway(error.code);
    this.#end();
    setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref();
  }

  /** Closes it once everything has left. */
  #end(): void {
    this.#over();
    this.writer.end();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#blocked.clear();
    for (const stream of [...this.#streams.values()]) stream.close();
    this.#handlers.closed();
  }
}

const wrong = (message: string): ConnectionError => new ConnectionError(ErrorCode.PROTOCOL_ERROR, message);
const wrongSize = (type: string): ConnectionError => new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${type} has a wrong size`);
