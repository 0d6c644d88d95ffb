import { ConnectionError, ErrorCode, FRAME_HEAD_BYTES, type Frame, MOST_FRAME_BYTES, PREFACE } from './http2-frames.ts';

/** Cuts what a client sends into frames. What is incomplete is kept as it came, so that a client that sends byte by byte costs no copies. */
export class FrameReader {
  #parts: Buffer[] = [];
  #have = 0;
  /** So many bytes are needed to go on. */
  #need = PREFACE.length;
  #hasPreface = false;

  /** Hands on each frame that is complete. Throws ConnectionError. */
  read(received: Buffer, take: (frame: Frame) => void): void {
    this.#have += received.length;
    if (this.#have < this.#need) {
      this.#parts.push(received);
      return;
    }
    const bytes = this.#parts.length > 0 ? Buffer.concat([...this.#parts, received], this.#have) : received;
    const at = this.#readAll(bytes, take);
    this.#have = bytes.length - at;
    this.#parts = this.#have > 0 ? [bytes.subarray(at)] : [];
  }

  /** Answers where the first incomplete frame begins. */
  #readAll(bytes: Buffer, take: (frame: Frame) => void): number {
    let at = 0;
    if (!this.#hasPreface) {
      if (bytes.compare(PREFACE, 0, PREFACE.length, 0, PREFACE.length) !== 0)
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'the connection does not begin as HTTP/2');
      this.#hasPreface = true;
      at = PREFACE.length;
    }
    for (;;) {
      if (bytes.length - at < FRAME_HEAD_BYTES) {
        this.#need = FRAME_HEAD_BYTES;
        return at;
      }
      const length = bytes.readUIntBE(at, 3);
      if (length > MOST_FRAME_BYTES) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
      const from = at + FRAME_HEAD_BYTES;
      if (bytes.length - from < length) {
        this.#need = FRAME_HEAD_BYTES + length;
        return at;
      }
      take({
        type: bytes[at + 3] as number,
        flags: bytes[at + 4] as number,
        streamId: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
        payload: bytes.subarray(from, from + length),
      });
      at = from + length;
    }
  }
}
