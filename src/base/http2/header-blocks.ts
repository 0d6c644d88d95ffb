import { HpackDecoder, HpackError } from './hpack-decoder.ts';
import { ConnectionError, ErrorCode, Flag, type Frame, unpadded } from './http2-frames.ts';
import { RequestFields } from './request-fields.ts';

/** The whole of a header block, decoded. */
export interface HeaderBlock {
  readonly streamId: number;
  readonly isEnd: boolean;
  readonly fields: RequestFields;
}

const PRIORITY_BYTES = 5;
/** Empty ones cost nothing but time (CVE-2024-27316). */
const MOST_CONTINUATIONS = 64;

/** Puts the header blocks of one connection together, from HEADERS and CONTINUATION. */
export class HeaderBlocks {
  readonly #decoder = new HpackDecoder();
  readonly #mostBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isEnd = false;
  #streamId = 0;
  #isOpen = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** A block has begun and not ended: nothing else may come before it has. */
  get isOpen(): boolean {
    return this.#isOpen;
  }
  get streamId(): number {
    return this.#streamId;
  }

  /** HEADERS. Answers the block when it is whole. Throws ConnectionError. */
  begin(frame: Frame): HeaderBlock | undefined {
    if (frame.streamId === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'HEADERS of the connection');
    let bytes = unpadded(frame);
    if (frame.flags & Flag.PRIORITY) {
      if (bytes.length < PRIORITY_BYTES) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'HEADERS has a wrong size');
      if ((bytes.readUInt32BE(0) & 0x7fff_ffff) === frame.streamId)
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'a stream depends on itself');
      bytes = bytes.subarray(PRIORITY_BYTES);
    }
    this.#streamId = frame.streamId;
    this.#isEnd = (frame.flags & Flag.END_STREAM) !== 0;
    this.#isOpen = true;
    this.#parts = [];
    this.#bytes = 0;
    return this.#add(bytes, frame.flags);
  }

  /** CONTINUATION. */
  goOn(frame: Frame): HeaderBlock | undefined {
    if (!this.#isOpen) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'CONTINUATION without HEADERS');
    return this.#add(frame.payload, frame.flags);
  }

  #add(bytes: Buffer, flags: number): HeaderBlock | undefined {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > this.#mostBytes || this.#parts.length > MOST_CONTINUATIONS)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'the header block is too large');
    if (!(flags & Flag.END_HEADERS)) return undefined;
    this.#isOpen = false;
    const block = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    const fields = new RequestFields(this.#mostBytes);
    try {
      this.#decoder.decode(block, fields.take);
    } catch (error) {
      if (error instanceof HpackError) throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, error.message);
      throw error;
    }
    return { streamId: this.#streamId, isEnd: this.#isEnd, fields };
  }
}
