import { STATIC_FIELDS } from './hpack-tables.ts';

/** Names in small letters; several values are several fields. */
export type ResponseHeaders = Readonly<Record<string, string | number | readonly string[]>>;

const STATUS_INDEX: Readonly<Record<number, number>> = Object.fromEntries(
  STATIC_FIELDS.flatMap(([name, value], at) => (name === ':status' ? [[Number(value), at + 1]] : [])),
);
const FIRST_STATUS = 8;
const NAME_INDEX = new Map(STATIC_FIELDS.map(([name], at) => [name, at + 1] as const).reverse());
/** Names come from this program, and from servers behind it. */
const MOST_KNOWN_NAMES = 256;

/** How a name is written, and the last field that had it: most values are the same every time. */
interface Known {
  name: Buffer;
  value: string;
  field: Buffer;
}
const known = new Map<string, Known>();

const integer = (value: number, prefixBits: number, flags: number): number[] => {
  const most = (1 << prefixBits) - 1;
  if (value < most) return [flags | value];
  const bytes = [flags | most];
  let rest = value - most;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
};

/** Literal fields without an entry in the other side's table: nothing is kept for a connection. */
const knownOf = (name: string): Known => {
  let found = known.get(name);
  if (!found) {
    if (known.size >= MOST_KNOWN_NAMES) known.clear();
    const index = NAME_INDEX.get(name);
    const bytes = index
      ? Buffer.from(integer(index, 4, 0))
      : Buffer.concat([Buffer.from([0, ...integer(name.length, 7, 0)]), Buffer.from(name, 'latin1')]);
    found = { name: bytes, value: '', field: Buffer.alloc(0) };
    known.set(name, found);
  }
  return found;
};

/** Different in every answer: not worth keeping. */
const VARYING: ReadonlySet<string> = new Set(['audit-id', 'content-length']);
/** Fields of connections, which HTTP/2 does not have. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
// biome-ignore lint/suspicious/noControlCharactersInRegex: a header may not hold them.
const FORBIDDEN = /[\u0000\r\n]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const ALL_FORBIDDEN = /[\u0000\r\n]/g;
/** A number of up to 28 bits behind its prefix. */
const MOST_INTEGER_BYTES = 5;

let block = Buffer.allocUnsafeSlow(4096);
let at = 0;

const room = (bytes: number): void => {
  if (at + bytes <= block.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(block.length * 2, at + bytes));
  block.copy(larger, 0, 0, at);
  block = larger;
};

const put = (bytes: Uint8Array): void => {
  room(bytes.length);
  block.set(bytes, at);
  at += bytes.length;
};

const putField = (name: string, text: string): void => {
  const entry = knownOf(name);
  if (entry.value === text && entry.field.length > 0) {
    put(entry.field);
    return;
  }
  const from = at;
  const value = FORBIDDEN.test(text) ? text.replace(ALL_FORBIDDEN, ' ') : text;
  put(entry.name);
  room(value.length + MOST_INTEGER_BYTES);
  if (value.length < 0x7f) block[at++] = value.length;
  else put(Uint8Array.from(integer(value.length, 7, 0)));
  at += block.write(value, at, 'latin1');
  if (VARYING.has(name)) return;
  entry.value = text;
  entry.field = Buffer.from(block.subarray(from, at));
};

/** The header block of an answer (RFC 7541). It is overwritten by the next call. */
export const encodeResponse = (status: number, headers: ResponseHeaders): Buffer => {
  const index = STATUS_INDEX[status];
  at = 0;
  put(Uint8Array.from(index ? [0x80 | index] : [...integer(FIRST_STATUS, 4, 0), 3, ...Buffer.from(String(status))]));
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || FORBIDDEN_NAMES.has(name)) continue;
    if (typeof value === 'object') for (const one of value) putField(name, one);
    else putField(name, typeof value === 'string' ? value : String(value));
  }
  return block.subarray(0, at);
};
