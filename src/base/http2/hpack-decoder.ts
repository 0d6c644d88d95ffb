import { huffmanDecode } from './hpack-huffman.ts';
import { STATIC_FIELDS } from './hpack-tables.ts';

export type Field = readonly [name: string, value: string];

/** What the other side was told: never changed, so this is the most that it may use. */
const TABLE_BYTES = 4096;
/** RFC 7541, 4.1: what a field counts beyond its letters. */
const FIELD_OVERHEAD = 32;
const MOST_VARINT_BITS = 28;

/** A header block that cannot be read: both sides' tables differ from then on, so the connection ends. */
export class HpackError extends Error {}

export const fieldBytes = ([name, value]: Field): number => name.length + value.length + FIELD_OVERHEAD;

/** Reads the header blocks of one connection, in order (RFC 7541). */
export class HpackDecoder {
  /** The newest last. */
  #table: Field[] = [];
  #tableBytes = 0;
  #mostTableBytes = TABLE_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Hands on each field of a block. Throws HpackError. */
  decode(block: Buffer, take: (field: Field) => void): void {
    this.#block = block;
    this.#at = 0;
    let mayResize = true;
    while (this.#at < block.length) {
      const byte = block[this.#at] as number;
      if ((byte & 0xe0) === 0x20) {
        if (!mayResize) throw new HpackError('the size of the table changes inside a block');
        this.#resize(this.#integer(5));
        continue;
      }
      mayResize = false;
      if (byte & 0x80) {
        take(this.#indexed(this.#integer(7)));
        continue;
      }
      const isKept = (byte & 0xc0) === 0x40;
      const index = this.#integer(isKept ? 6 : 4);
      const name = index === 0 ? this.#string() : this.#indexed(index)[0];
      const field: Field = [name, this.#string()];
      if (isKept) this.#keep(field);
      take(field);
    }
  }

  #indexed(index: number): Field {
    const field =
      index <= STATIC_FIELDS.length ? STATIC_FIELDS[index - 1] : this.#table[this.#table.length - (index - STATIC_FIELDS.length)];
    if (!field) throw new HpackError(`no field has the number ${index}`);
    return field;
  }

  #keep(field: Field): void {
    const bytes = fieldBytes(field);
    this.#evict(this.#mostTableBytes - bytes);
    if (bytes > this.#mostTableBytes) return;
    this.#table.push(field);
    this.#tableBytes += bytes;
  }

  #resize(bytes: number): void {
    if (bytes > TABLE_BYTES) throw new HpackError(`a table of ${bytes} bytes was not allowed`);
    this.#mostTableBytes = bytes;
    this.#evict(bytes);
  }

  /** The oldest go until at most so many bytes are left. */
  #evict(most: number): void {
    let count = 0;
    while (this.#tableBytes > Math.max(most, 0)) this.#tableBytes -= fieldBytes(this.#table[count++] as Field);
    if (count > 0) this.#table.splice(0, count);
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new HpackError('the block ends too early');
    this.#at += 1;
    return byte;
  }

  #integer(prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      if (shift > MOST_VARINT_BITS - 7) throw new HpackError('a number is too large');
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
  }

  #string(): string {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#block.length) throw new HpackError('the block ends too early');
    if (!isHuffman) return this.#block.toString('latin1', from, this.#at);
    const text = huffmanDecode(this.#block, from, this.#at);
    if (text === undefined) throw new HpackError('a string is coded wrongly');
    return text;
  }
}
