import type { Writable } from 'node:stream';
import { FRAME_HEAD_BYTES } from './http2-frames.ts';

/** Everything that is to be sent is copied here once, so that the frames of many streams leave as one write and few TLS records. */
const BLOCK_BYTES = 128 * 1024;
/** Less is copied once more, so that small answers do not hold whole blocks. */
const SMALL_BYTES = 16 * 1024;
/** Blocks that were sent: fresh memory costs more than filling it. */
const freeBlocks: Buffer[] = [];
const MOST_FREE_BLOCKS = 16;

/** Puts frames together and sends them at the end of the current turn of the event loop, or as soon as a block is full. */
export class FrameWriter {
  readonly #socket: Writable;
  readonly #onSent: () => void;
  #block: Buffer | undefined;
  #at = 0;
  #sending = 0;
  #isScheduled = false;

  /** `onSent` is called whenever something has left. */
  constructor(socket: Writable, onSent: () => void) {
    this.#socket = socket;
    this.#onSent = onSent;
  }

  /** Bytes that have not left yet. */
  get pending(): number {
    return this.#sending + this.#at;
  }

  /** Begins a frame; its payload is put in next. */
  head(frame: { type: number; flags: number; streamId: number; length: number }): void {
    if (this.#block && this.#at + FRAME_HEAD_BYTES > BLOCK_BYTES) this.flush();
    const block = this.#open();
    let at = this.#at;
    block[at++] = frame.length >>> 16;
    block[at++] = frame.length >>> 8;
    block[at++] = frame.length;
    block[at++] = frame.type;
    block[at++] = frame.flags;
    this.#at = block.writeUInt32BE(frame.streamId, at);
  }

  put(bytes: Uint8Array, from = 0, to = bytes.length): void {
    for (let at = from; at < to; ) {
      const block = this.#open();
      const count = Math.min(to - at, BLOCK_BYTES - this.#at);
      block.set(at === 0 && count === bytes.length ? bytes : bytes.subarray(at, at + count), this.#at);
      this.#at += count;
      at += count;
      if (this.#at === BLOCK_BYTES) this.flush();
    }
  }

  putUInt32(value: number): void {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(value);
    this.put(bytes);
  }

  flush(): void {
    const block = this.#block;
    if (!block || this.#at === 0) return;
    const length = this.#at;
    this.#at = 0;
    this.#block = undefined;
    if (!this.#socket.writable) {
      freed(block);
      return;
    }
    this.#sending += length;
    const isSmall = length <= SMALL_BYTES;
    const bytes = isSmall ? Buffer.from(block.subarray(0, length)) : block.subarray(0, length);
    if (isSmall) freed(block);
    this.#socket.write(bytes, () => {
      if (!isSmall) freed(block);
      this.#sending -= length;
      this.#onSent();
    });
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

const freed = (block: Buffer): void => {
  if (freeBlocks.length < MOST_FREE_BLOCKS) freeBlocks.push(block);
};
