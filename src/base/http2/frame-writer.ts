import type { Writable } from 'node:stream';
import { FRAME_HEAD_BYTES } from './http2-frames.ts';

/** Everything that is to be sent is copied here once, so that the frames of many streams leave as one write and few TLS records. */
const BLOCK_BYTES = 128 * 1024;
/** Less is copied once more, so that small answers do not hold whole blocks. */
const SMALL_BYTES = 16 * 1024;
/** Blocks that were sent: fresh memory costs more than filling it. */
const freeBlocks: Buffer[] = [];
const MOST_FREE_BLOCKS = 16;

/**
 * Puts frames together and sends them at the end of the current turn of the event loop. One write is under way at a time: what comes
 * meanwhile leaves in one piece after it, where node would gather what it has queued in fresh memory.
 */
export class FrameWriter {
  readonly #socket: Writable;
  readonly #onSent: () => void;
  /** Full, in order. */
  readonly #full: Buffer[] = [];
  #block: Buffer | undefined;
  #at = 0;
  /** Bytes of the write that is under way. */
  #sending = 0;
  #isScheduled = false;
  #isEnding = false;

  /** `onSent` is called whenever something has left. */
  constructor(socket: Writable, onSent: () => void) {
    this.#socket = socket;
    this.#onSent = onSent;
  }

  /** Bytes that have not left yet. */
  get pending(): number {
    return this.#sending + this.#full.length * BLOCK_BYTES + this.#at;
  }

  /** Begins a frame; its payload is put in next. */
  head(frame: { type: number; flags: number; streamId: number; length: number }): void {
    const bytes = BLOCK_BYTES - this.#at >= FRAME_HEAD_BYTES ? this.#open() : apart;
    const from = bytes === apart ? 0 : this.#at;
    bytes[from] = frame.length >>> 16;
    bytes[from + 1] = frame.length >>> 8;
    bytes[from + 2] = frame.length;
    bytes[from + 3] = frame.type;
    bytes[from + 4] = frame.flags;
    bytes.writeUInt32BE(frame.streamId, from + 5);
    if (bytes === apart) this.put(apart);
    else this.#took(FRAME_HEAD_BYTES);
  }

  put(bytes: Uint8Array, from = 0, to = bytes.length): void {
    for (let at = from; at < to; ) {
      const block = this.#open();
      const count = Math.min(to - at, BLOCK_BYTES - this.#at);
      block.set(at === 0 && count === bytes.length ? bytes : bytes.subarray(at, at + count), this.#at);
      at += count;
      this.#took(count);
    }
  }

  putUInt32(value: number): void {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(value);
    this.put(bytes);
  }

  /** Closes the socket once everything has left. */
  end(): void {
    this.#isEnding = true;
    this.flush();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#isEnding && this.pending === 0) this.#socket.end();
  }

  /** Sends what there is, unless a write is under way: then it follows. */
  flush(): void {
    if (this.#sending > 0) return;
    const block = this.#full.shift();
    if (block) {
      this.#send(block, BLOCK_BYTES);
      return;
    }
    const last = this.#block;
    if (!last || this.#at === 0) return;
    const length = this.#at;
    this.#at = 0;
    this.#block = undefined;
    this.#send(last, length);
  }

  #send(block: Buffer, length: number): void {
    if (!this.#socket.writable) {
      // The client has gone: nobody gets the rest.
      this.#full.length = 0;
      freed(block);
      return;
    }
    this.#sending = length;
    const isSmall = length <= SMALL_BYTES;
    const bytes = isSmall ? Buffer.from(block.subarray(0, length)) : block.subarray(0, length);
    if (isSmall) freed(block);
    this.#socket.write(bytes, () => {
      if (!isSmall) freed(block);
      this.#sending = 0;
      this.flush();
      this.#endIfDone();
      this.#onSent();
    });
  }

  #took(count: number): void {
    this.#at += count;
    if (this.#at < BLOCK_BYTES || !this.#block) return;
    this.#full.push(this.#block);
    this.#block = undefined;
    this.#at = 0;
    this.flush();
  }

  #open(): Buffer {
    if (!this.#block) this.#block = freeBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
    return this.#block;
  }
}

/** The head of a frame that lies across the end of a block. */
const apart = Buffer.alloc(FRAME_HEAD_BYTES);

const freed = (block: Buffer): void => {
  if (freeBlocks.length < MOST_FREE_BLOCKS) freeBlocks.push(block);
};
