import type { FrameWriter } from './frame-writer.ts';
import { encodeResponse, type ResponseHeaders } from './hpack-encoder.ts';
import { ErrorCode, Flag, MOST_FRAME_BYTES, MOST_WINDOW, Type } from './http2-frames.ts';
import type { RequestHead } from './request-fields.ts';

/** Who gets the body of a request. */
export interface BodyReceiver {
  data(bytes: Buffer): void;
  end(): void;
  /** The client took the request back, or the connection is gone. */
  aborted(): void;
}

/** What a stream needs of its connection. */
export interface StreamHome {
  readonly writer: FrameWriter;
  /** What may still be sent on the connection. */
  sendWindow: number;
  /** Calls `pump` again as soon as the connection can take more. */
  block(stream: Http2Stream): void;
  /** The connection's share of received bytes is free again. */
  consumed(bytes: number): void;
  closed(stream: Http2Stream): void;
}

/** With more than that on its way a connection takes nothing new: the bound of what a client that does not read costs. */
const MOST_PENDING_BYTES = 512 * 1024;

/**
 * One request and its answer.
 *
 *          head received
 *               v
 *             open ── the client's body ends ──> only the answer is missing
 *               │                                        │
 *               │ the answer ends                        │ the answer ends
 *               v                                        v
 *   only the body is missing ── it ends, or ────────> closed <── either side resets it, the connection is gone
 *                               nobody reads it
 */
export class Http2Stream {
  readonly id: number;
  readonly head: RequestHead;
  readonly #home: StreamHome;
  readonly #receiveWindow: number;
  /** What the client may still send. */
  #mayReceive: number;
  #freed = 0;
  #received = 0;
  #receiver: BodyReceiver | undefined;
  /** Bytes that came before they were wanted. */
  #early: Buffer[] = [];
  #isPaused = false;
  #remoteEnded: boolean;
  /** What the client allows; below zero after it has made its windows smaller. */
  #sendWindow: number;
  #pending: Uint8Array[] = [];
  #pendingIndex = 0;
  #pendingOffset = 0;
  #pendingBytes = 0;
  #isEnding = false;
  #localEnded = false;
  #headersSent = false;
  #isClosed = false;
  #onDrain: (() => void) | undefined;
  #onClose: (() => void)[] = [];

  constructor(options: { id: number; head: RequestHead; home: StreamHome; hasBody: boolean; sendWindow: number; receiveWindow: number }) {
    this.id = options.id;
    this.head = options.head;
    this.#home = options.home;
    this.#remoteEnded = !options.hasBody;
    this.#sendWindow = options.sendWindow;
    this.#receiveWindow = options.receiveWindow;
    this.#mayReceive = options.receiveWindow;
  }

  get headersSent(): boolean {
    return this.#headersSent;
  }
  /** Nothing more can be sent. */
  get isClosed(): boolean {
    return this.#isClosed || this.#isEnding;
  }
  /** All of the request has come. */
  get hasWholeRequest(): boolean {
    return this.#remoteEnded;
  }

  /** Calls back once it is over, however it ended. */
  onClose(callback: () => void): void {
    if (this.#isClosed) queueMicrotask(callback);
    else this.#onClose.push(callback);
  }

  // The answer.

  /** Sends status and headers; with `isEnd` that is all of it. */
  respond(status: number, headers: ResponseHeaders, isEnd: boolean): void {
    if (this.#isClosed || this.#headersSent) return;
    this.#headersSent = true;
    const block = encodeResponse(status, headers);
    const { writer } = this.#home;
    let type: number = Type.HEADERS;
    let flags: number = isEnd ? Flag.END_STREAM : 0;
    for (let at = 0; at < block.length || at === 0; at += MOST_FRAME_BYTES) {
      const end = Math.min(block.length, at + MOST_FRAME_BYTES);
      if (end === block.length) flags |= Flag.END_HEADERS;
      writer.head({ type, flags, streamId: this.id, length: end - at });
      writer.put(block, at, end);
      type = Type.CONTINUATION;
      flags = 0;
    }
    if (isEnd) this.#endLocal();
  }

  /** Sends a piece of the body. False: it waits for the client; `onDrain` tells when it has left. */
  write(bytes: Uint8Array): boolean {
    if (this.isClosed) return true;
    this.#add(bytes);
    this.pump();
    return this.#pendingBytes === 0;
  }

  /** Sends the last pieces of the body, which must not change until they have left. */
  end(parts: readonly Uint8Array[] = []): void {
    if (this.isClosed) return;
    for (const part of parts) this.#add(part);
    this.#isEnding = true;
    this.pump();
  }

  /** Calls back once when nothing waits any more. One call is kept at a time. */
  onDrain(callback: () => void): void {
    this.#onDrain = callback;
  }

  /** Ends it at once, without the rest. */
  reset(code: number): void {
    if (this.#isClosed) return;
    const { writer } = this.#home;
    writer.head({ type: Type.RST_STREAM, flags: 0, streamId: this.id, length: 4 });
    writer.putUInt32(code);
    this.close();
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** Sends as much of what waits as both windows and the socket take. */
  pump(): void {
    const home = this.#home;
    while (!this.#localEnded && !this.#isClosed && (this.#pendingBytes > 0 || this.#isEnding)) {
      const length = Math.min(this.#pendingBytes, MOST_FRAME_BYTES, this.#sendWindow, home.sendWindow);
      if (this.#pendingBytes > 0) {
        if (this.#sendWindow <= 0) return;
        if (length <= 0 || home.writer.pending >= MOST_PENDING_BYTES) {
          home.block(this);
          return;
        }
      }
      const isLast = this.#isEnding && length >= this.#pendingBytes;
      home.writer.head({ type: Type.DATA, flags: isLast ? Flag.END_STREAM : 0, streamId: this.id, length: Math.max(length, 0) });
      this.#put(length);
      this.#sendWindow -= length;
      home.sendWindow -= length;
      if (isLast) this.#endLocal();
    }
    if (this.#pendingBytes === 0) this.#drained();
  }

  #put(length: number): void {
    const { writer } = this.#home;
    this.#pendingBytes -= length;
    for (let left = length; left > 0; ) {
      const bytes = this.#pending[this.#pendingIndex] as Uint8Array;
      const end = Math.min(bytes.length, this.#pendingOffset + left);
      writer.put(bytes, this.#pendingOffset, end);
      left -= end - this.#pendingOffset;
      if (end < bytes.length) this.#pendingOffset = end;
      else {
        this.#pendingOffset = 0;
        this.#pendingIndex += 1;
      }
    }
    if (this.#pendingBytes > 0) return;
    this.#pending = [];
    this.#pendingIndex = 0;
  }

  #drained(): void {
    const callback = this.#onDrain;
    this.#onDrain = undefined;
    callback?.();
  }

  #endLocal(): void {
    this.#isEnding = true;
    this.#localEnded = true;
    if (this.#remoteEnded) this.close();
    // The rest of a body that nobody wants must not hold the stream open.
    else if (!this.#receiver) this.reset(ErrorCode.NO_ERROR);
  }

  /** The client allows that much more. False when that is more than a window may be. */
  widen(bytes: number): boolean {
    this.#sendWindow += bytes;
    if (this.#sendWindow > MOST_WINDOW) return false;
    this.pump();
    return true;
  }

  // The body.

  /** Hands the body to who wants it, from its beginning. */
  receive(receiver: BodyReceiver): void {
    this.#receiver = receiver;
    this.#flow();
  }

  /** Nobody wants the rest. */
  ignoreBody(): void {
    const dropped = this.#early.reduce((sum, bytes) => sum + bytes.length, 0);
    this.#early = [];
    this.#receiver = undefined;
    this.#free(dropped);
    if (this.#localEnded && !this.#remoteEnded) this.reset(ErrorCode.NO_ERROR);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#flow();
  }

  #flow(): void {
    while (this.#receiver && !this.#isPaused) {
      const bytes = this.#early.shift();
      if (!bytes) break;
      this.#free(bytes.length);
      this.#receiver.data(bytes);
    }
    if (this.#receiver && this.#early.length === 0 && this.#remoteEnded) this.#finished();
    else if (this.#isClosed) this.#receiver?.aborted();
  }

  #finished(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.end();
  }

  /** A frame of the body; `frameBytes` counts its padding too. Answers an error code when the client may not send it. */
  received(bytes: Buffer, frameBytes: number): number | undefined {
    this.#mayReceive -= frameBytes;
    this.#received += bytes.length;
    if (this.#remoteEnded) return ErrorCode.STREAM_CLOSED;
    if (this.#mayReceive < 0) return ErrorCode.FLOW_CONTROL_ERROR;
    const { contentLength } = this.head;
    if (contentLength !== undefined && this.#received > contentLength) return ErrorCode.PROTOCOL_ERROR;
    this.#free(frameBytes - bytes.length);
    if (bytes.length > 0) this.#early.push(bytes);
    this.#flow();
    return undefined;
  }

  /** The client's side is over. Answers an error code when it is not what was declared. */
  receivedEnd(): number | undefined {
    if (this.#remoteEnded) return ErrorCode.STREAM_CLOSED;
    const { contentLength } = this.head;
    if (contentLength !== undefined && this.#received !== contentLength) return ErrorCode.PROTOCOL_ERROR;
    this.#remoteEnded = true;
    this.#flow();
    if (this.#localEnded) this.close();
    return undefined;
  }

  /** That many bytes were taken: the client may send as many more. */
  #free(bytes: number): void {
    if (bytes === 0) return;
    this.#home.consumed(bytes);
    this.#freed += bytes;
    if (this.#remoteEnded || this.#isClosed || this.#freed < this.#receiveWindow / 2) return;
    this.#mayReceive += this.#freed;
    const { writer } = this.#home;
    writer.head({ type: Type.WINDOW_UPDATE, flags: 0, streamId: this.id, length: 4 });
    writer.putUInt32(this.#freed);
    this.#freed = 0;
  }

  /** It is over, here and there: nothing is sent for it any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isEnding = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#home.closed(this);
    if (!this.#remoteEnded) {
      this.#home.consumed(this.#early.reduce((sum, bytes) => sum + bytes.length, 0));
      this.#early = [];
      this.#receiver?.aborted();
    }
    this.#drained();
    const callbacks = this.#onClose;
    this.#onClose = [];
    for (const callback of callbacks) callback();
  }
}
