import { constants, createInflate, type Inflate } from 'node:zlib';
import { HEADER_DICTIONARY } from './spdy-dictionary.ts';

/** The frames of SPDY/3.1 that upgraded Kubernetes connections use. A header block is a plain record; names are lower case. */
export type SpdyFrame =
  | { kind: 'syn-stream'; id: number; headers: SpdyHeaders; fin: boolean; unidirectional: boolean }
  | { kind: 'syn-reply'; id: number; headers: SpdyHeaders; fin: boolean }
  | { kind: 'headers'; id: number; headers: SpdyHeaders; fin: boolean }
  | { kind: 'data'; id: number; data: Buffer; fin: boolean }
  | { kind: 'rst-stream'; id: number; status: number }
  | { kind: 'settings'; initialWindow: number | undefined }
  | { kind: 'ping'; id: number }
  | { kind: 'go-away'; lastId: number; status: number }
  | { kind: 'window-update'; id: number; delta: number };

export type SpdyHeaders = Readonly<Record<string, string>>;

/** Frames above this length are refused: nobody sends them, and a length is read before its bytes are there. */
const MAX_FRAME_BYTES = 8 * 1024 * 1024;
const MAX_HEADER_BYTES = 256 * 1024;
/** An empty stored block: Go's inflater hands out what it has read only when one comes. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff]);

const TYPE = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const;
const FLAG_FIN = 1;
const FLAG_UNIDIRECTIONAL = 2;
const SETTING_INITIAL_WINDOW = 7;

/**
 * Header blocks of one direction share one zlib stream. This writes stored (uncompressed) blocks into it: they are a few
 * dozen bytes, and need neither state nor waiting.
 */
export class SpdyEncoder {
  #hasBegun = false;

  encode(frame: SpdyFrame): Buffer {
    switch (frame.kind) {
      case 'data': {
        const head = Buffer.allocUnsafe(8);
        head.writeUInt32BE(frame.id, 0);
        head.writeUInt32BE(frame.data.length, 4);
        head[4] = frame.fin ? FLAG_FIN : 0;
        return Buffer.concat([head, frame.data]);
      }
      case 'syn-stream': {
        const flags = (frame.fin ? FLAG_FIN : 0) | (frame.unidirectional ? FLAG_UNIDIRECTIONAL : 0);
        return control(TYPE.synStream, flags, [uint32(frame.id), uint32(0), Buffer.alloc(2), this.#headerBlock(frame.headers)]);
      }
      case 'syn-reply':
        return control(TYPE.synReply, frame.fin ? FLAG_FIN : 0, [uint32(frame.id), this.#headerBlock(frame.headers)]);
      case 'headers':
        return control(TYPE.headers, frame.fin ? FLAG_FIN : 0, [uint32(frame.id), this.#headerBlock(frame.headers)]);
      case 'rst-stream':
        return control(TYPE.rstStream, 0, [uint32(frame.id), uint32(frame.status)]);
      case 'settings':
        return control(TYPE.settings, 0, [uint32(1), uint32(SETTING_INITIAL_WINDOW), uint32(frame.initialWindow ?? 65_536)]);
      case 'ping':
        return control(TYPE.ping, 0, [uint32(frame.id)]);
      case 'go-away':
        return control(TYPE.goAway, 0, [uint32(frame.lastId), uint32(frame.status)]);
      case 'window-update':
        return control(TYPE.windowUpdate, 0, [uint32(frame.id), uint32(frame.delta)]);
    }
  }

  #headerBlock(headers: SpdyHeaders): Buffer {
    const entries = Object.entries(headers);
    const parts: Buffer[] = [uint32(entries.length)];
    for (const [name, value] of entries) {
      for (const text of [name.toLowerCase(), value]) {
        const bytes = Buffer.from(text, 'utf8');
        parts.push(uint32(bytes.length), bytes);
      }
    }
    const plain = Buffer.concat(parts);
    const blocks: Buffer[] = this.#hasBegun ? [] : [Buffer.from([0x78, 0x01])];
    this.#hasBegun = true;
    for (let offset = 0; offset < plain.length; offset += 0xffff) {
      const chunk = plain.subarray(offset, offset + 0xffff);
      const head = Buffer.alloc(5);
      head.writeUInt16LE(chunk.length, 1);
      head.writeUInt16LE(~chunk.length & 0xffff, 3);
      blocks.push(head, chunk);
    }
    blocks.push(FLUSH);
    return Buffer.concat(blocks);
  }
}

/** Cuts frames out of bytes. Header blocks are inflated in the order in which they come, so the reader must await each call. */
export class SpdyDecoder {
  #rest: Buffer = Buffer.alloc(0);
  readonly #inflate: Inflate = createInflate({ dictionary: HEADER_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });
  #inflateError: Error | undefined;

  constructor() {
    this.#inflate.on('error', (error) => {
      this.#inflateError = error;
    });
  }

  /** Throws on what is not SPDY/3.1. */
  async decode(bytes: Buffer): Promise<SpdyFrame[]> {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    const frames: SpdyFrame[] = [];
    let offset = 0;
    while (this.#rest.length - offset >= 8) {
      const length = this.#rest.readUIntBE(offset + 5, 3);
      if (length > MAX_FRAME_BYTES) throw new Error(`SPDY frame of ${length} bytes is too long`);
      if (this.#rest.length - offset < 8 + length) break;
      const frame = await this.#frame(this.#rest.subarray(offset, offset + 8), this.#rest.subarray(offset + 8, offset + 8 + length));
      if (frame) frames.push(frame);
      offset += 8 + length;
    }
    this.#rest = this.#rest.subarray(offset);
    return frames;
  }

  close(): void {
    this.#inflate.destroy();
  }

  async #frame(head: Buffer, body: Buffer): Promise<SpdyFrame | undefined> {
    const fin = ((head[4] ?? 0) & FLAG_FIN) !== 0;
    if (((head[0] ?? 0) & 0x80) === 0) return { kind: 'data', id: head.readUInt32BE(0) & 0x7fffffff, data: body, fin };
    const version = head.readUInt16BE(0) & 0x7fff;
    if (version !== 3) throw new Error(`SPDY version ${version} is not spoken here`);
    const id = body.length >= 4 ? body.readUInt32BE(0) & 0x7fffffff : 0;
    const need = (bytes: number): void => {
      if (body.length < bytes) throw new Error('SPDY control frame is too short');
    };
    switch (head.readUInt16BE(2)) {
      case TYPE.synStream:
        need(10);
        return {
          kind: 'syn-stream',
          id,
          headers: await this.#headers(body.subarray(10)),
          fin,
          unidirectional: ((head[4] ?? 0) & FLAG_UNIDIRECTIONAL) !== 0,
        };
      case TYPE.synReply:
        need(4);
        return { kind: 'syn-reply', id, headers: await this.#headers(body.subarray(4)), fin };
      case TYPE.headers:
        need(4);
        return { kind: 'headers', id, headers: await this.#headers(body.subarray(4)), fin };
      case TYPE.rstStream:
        need(8);
        return { kind: 'rst-stream', id, status: body.readUInt32BE(4) };
      case TYPE.settings:
        return { kind: 'settings', initialWindow: initialWindowOf(body) };
      case TYPE.ping:
        need(4);
        return { kind: 'ping', id: body.readUInt32BE(0) };
      case TYPE.goAway:
        need(8);
        return { kind: 'go-away', lastId: id, status: body.readUInt32BE(4) };
      case TYPE.windowUpdate:
        need(8);
        return { kind: 'window-update', id, delta: body.readUInt32BE(4) & 0x7fffffff };
      default:
        return undefined;
    }
  }

  async #headers(block: Buffer): Promise<SpdyHeaders> {
    const plain = await this.#inflateBlock(block);
    const headers: Record<string, string> = {};
    let offset = 0;
    const number = (): number => {
      if (offset + 4 > plain.length) throw new Error('SPDY header block is cut short');
      offset += 4;
      return plain.readUInt32BE(offset - 4);
    };
    const text = (): string => {
      const length = number();
      if (offset + length > plain.length) throw new Error('SPDY header block is cut short');
      offset += length;
      return plain.toString('utf8', offset - length, offset);
    };
    for (let count = plain.length > 0 ? number() : 0; count > 0; count--) {
      const name = text();
      headers[name] = text();
    }
    return headers;
  }

  #inflateBlock(block: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const onData = (chunk: Buffer): void => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_HEADER_BYTES) this.#inflate.destroy(new Error('SPDY header block is too long'));
      };
      const done = (error?: Error | null): void => {
        this.#inflate.off('data', onData);
        this.#inflate.off('error', done);
        const failure = error ?? this.#inflateError;
        if (failure) reject(failure);
        else resolve(Buffer.concat(chunks));
      };
      this.#inflate.on('data', onData);
      this.#inflate.once('error', done);
      this.#inflate.write(block, () => this.#inflate.flush(() => done()));
    });
  }
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0, 0);
  return bytes;
};

const control = (type: number, flags: number, parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const head = Buffer.allocUnsafe(8);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(body.length, 4);
  head[4] = flags;
  return Buffer.concat([head, body]);
};

const initialWindowOf = (body: Buffer): number | undefined => {
  for (let offset = 4; offset + 8 <= body.length; offset += 8)
    if ((body.readUInt32BE(offset) & 0xffffff) === SETTING_INITIAL_WINDOW) return body.readUInt32BE(offset + 4);
  return undefined;
};
