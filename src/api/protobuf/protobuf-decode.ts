import { badRequest } from '../meta/status.ts';
import type { FieldSchema } from '../schema/schema-table.ts';
import { typeNamed } from '../schema/table.ts';
import numbers from './field-numbers.json' with { type: 'json' };

/**
 * Bodies of type `application/vnd.kubernetes.protobuf`: the magic bytes, then an envelope with the kind and the object's message. Typed
 * Go clients (also within kubectl) send these. What comes out is what the same object is as JSON; zeros that JSON leaves out are for
 * the decoder by schema to drop.
 */
export const decodeProtobuf = (body: Uint8Array): Record<string, unknown> => {
  if (body.length < MAGIC.length || MAGIC.some((byte, at) => body[at] !== byte))
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  try {
    return readEnvelope(body.subarray(MAGIC.length));
  } catch (error) {
    if (error instanceof WireError || error instanceof RangeError) throw badRequest(`unable to decode protobuf: ${error.message}`);
    throw error;
  }
};

const MAGIC = [0x6b, 0x38, 0x73, 0x00];
const MOST_DEPTH = 100;

class WireError extends Error {}

const NUMBERS = numbers as unknown as Readonly<Record<string, readonly string[]>>;
const TEXT = new TextDecoder('utf-8');

const readEnvelope = (bytes: Uint8Array): Record<string, unknown> => {
  let apiVersion = '';
  let kind = '';
  let raw: Uint8Array = new Uint8Array();
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 1)
      for (const [part, text] of fieldsOf(asBytes(value))) {
        if (part === 1) apiVersion = asText(text);
        else if (part === 2) kind = asText(text);
      }
    else if (number === 2) raw = asBytes(value);
  }
  const name = typeOf(apiVersion, kind);
  if (!name) throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  return { kind, apiVersion, ...readMessage(raw, name, 0) };
};

/** The schema type of a kind; `DeleteOptions` and the like are of every group. */
const typeOf = (apiVersion: string, kind: string): string | undefined => {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? 'core' : (apiVersion.slice(0, slash).split('.')[0] as string);
  const version = apiVersion.slice(slash + 1);
  return [`${group}/${version}.${kind}`, `meta/v1.${kind}`].find((name) => Object.hasOwn(NUMBERS, name));
};

const readMessage = (bytes: Uint8Array, name: string, depth: number): Record<string, unknown> => {
  const target: Record<string, unknown> = {};
  readInto(target, bytes, { numbers: name, fields: typeNamed(name)?.fields ?? {}, depth });
  return target;
};

/** `numbers`: the type whose numbers these are; `fields`: the schemas of the object that it is part of (embedded structs differ). */
interface Place {
  readonly numbers: string;
  readonly fields: Readonly<Record<string, FieldSchema>>;
  readonly depth: number;
}

const readInto = (target: Record<string, unknown>, bytes: Uint8Array, place: Place): void => {
  if (place.depth > MOST_DEPTH) throw new WireError('nested too deeply');
  const names = NUMBERS[place.numbers];
  if (!names) return;
  for (const [number, value] of fieldsOf(bytes)) {
    const name = names[number - 1];
    if (!name) continue;
    if (name.startsWith('@')) {
      readInto(target, asBytes(value), { ...place, numbers: name.slice(1), depth: place.depth + 1 });
      continue;
    }
    const schema = place.fields[name];
    if (!schema) continue;
    const union = place.numbers === SCHEMA_PROPS ? SCHEMA_UNIONS[name] : undefined;
    if (union) {
      target[name] = readUnion(asBytes(value), union, place.depth);
      continue;
    }
    if (schema.type === 'array') pushTo(target, name, value, { schema, depth: place.depth });
    else if (schema.type === 'map') putInto(target, name, asBytes(value), { schema, depth: place.depth });
    else {
      const read = readValue(value, schema, place.depth);
      // Schemas within schemas are not decoded by a schema of their own: what they leave out is left out here.
      const isLeftOut = place.numbers === SCHEMA_PROPS && schema.type !== 'any' && (read === '' || read === false);
      if (read !== undefined && !isLeftOut) target[name] = read;
    }
  }
};

const SCHEMA_PROPS = 'apiextensions/v1.JSONSchemaProps';
/** Fields of schemas that are a schema or something else; each is a message of its own on the wire. */
const SCHEMA_UNIONS: Readonly<Record<string, 'bool' | 'array'>> = { items: 'array', additionalProperties: 'bool', additionalItems: 'bool' };

const readUnion = (bytes: Uint8Array, union: 'bool' | 'array', depth: number): unknown => {
  let allows = false;
  let list: unknown[] | undefined;
  for (const [number, value] of fieldsOf(bytes)) {
    const isSchema = union === 'bool' ? number === 2 : number === 1;
    if (isSchema) return readMessage(asBytes(value), SCHEMA_PROPS, depth + 1);
    if (union === 'bool' && number === 1) allows = asNumber(value) !== 0n;
    if (union === 'array' && number === 2) {
      list ??= [];
      list.push(readMessage(asBytes(value), SCHEMA_PROPS, depth + 1));
    }
  }
  return union === 'bool' ? allows : list;
};

type WireValue = bigint | Uint8Array;

const pushTo = (
  target: Record<string, unknown>,
  name: string,
  value: WireValue,
  { schema, depth }: { schema: FieldSchema; depth: number },
): void => {
  target[name] ??= [];
  const list = target[name] as unknown[];
  const items = schema.items ?? { type: 'any' };
  if (value instanceof Uint8Array && (items.type === 'int32' || items.type === 'int64')) {
    // A packed list of numbers.
    const reader = new Reader(value);
    while (!reader.done) list.push(Number(BigInt.asIntN(64, reader.varint())));
    return;
  }
  list.push(readValue(value, items, depth));
};

const putInto = (
  target: Record<string, unknown>,
  name: string,
  entry: Uint8Array,
  { schema, depth }: { schema: FieldSchema; depth: number },
): void => {
  target[name] ??= {};
  const items = schema.items ?? { type: 'string' };
  let key = '';
  let value: unknown = items.type === 'string' ? '' : items.type === 'array' ? [] : {};
  for (const [number, part] of fieldsOf(entry)) {
    if (number === 1) key = asText(part);
    else if (number === 2) value = items.type === 'array' ? textsOf(asBytes(part)) : readValue(part, items, depth);
  }
  // Defined, not assigned: `__proto__` is a key like any other.
  Object.defineProperty(target[name], key, { value, enumerable: true, configurable: true, writable: true });
};

/** `ExtraValue` and its like: a message with one repeated string. */
const textsOf = (bytes: Uint8Array): string[] => [...fieldsOf(bytes)].filter(([number]) => number === 1).map(([, value]) => asText(value));

const readValue = (value: WireValue, schema: FieldSchema, depth: number): unknown => {
  switch (schema.type) {
    case 'string':
      return asText(value);
    case 'bytes':
      return Buffer.from(asBytes(value)).toString('base64');
    case 'int32':
    case 'int64':
      return Number(BigInt.asIntN(64, asNumber(value)));
    case 'boolean':
      return asNumber(value) !== 0n;
    case 'double': {
      const bits = new BigUint64Array([asNumber(value)]);
      return new Float64Array(bits.buffer)[0];
    }
    case 'time':
    case 'micro-time':
      return timeOf(asBytes(value), schema.type);
    case 'quantity':
      return textsOf(asBytes(value))[0] ?? '0';
    case 'int-or-string':
      return intOrString(asBytes(value));
    case 'object':
      return schema.ref ? readMessage(asBytes(value), schema.ref, depth + 1) : rawJson(asBytes(value));
    default:
      return rawJson(asBytes(value));
  }
};

const timeOf = (bytes: Uint8Array, type: 'time' | 'micro-time'): string | undefined => {
  if (bytes.length === 0) return undefined;
  let seconds = 0;
  let nanos = 0;
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 1) seconds = Number(BigInt.asIntN(64, asNumber(value)));
    else if (number === 2) nanos = Number(BigInt.asIntN(64, asNumber(value)));
  }
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return type === 'time' ? `${text}Z` : `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`;
};

const intOrString = (bytes: Uint8Array): number | string => {
  let isText = false;
  let number = 0;
  let text = '';
  for (const [part, value] of fieldsOf(bytes)) {
    if (part === 1) isText = asNumber(value) === 1n;
    else if (part === 2) number = Number(BigInt.asIntN(64, asNumber(value)));
    else if (part === 3) text = asText(value);
  }
  return isText ? text : number;
};

/** RawExtension, JSON and FieldsV1: JSON text in field 1. */
const rawJson = (bytes: Uint8Array): unknown => {
  for (const [number, value] of fieldsOf(bytes)) {
    if (number !== 1) continue;
    try {
      return JSON.parse(asText(value));
    } catch {
      throw new WireError('embedded value is not JSON');
    }
  }
  return undefined;
};

const asBytes = (value: WireValue): Uint8Array => {
  if (value instanceof Uint8Array) return value;
  throw new WireError('expected a length-delimited field');
};
const asText = (value: WireValue): string => TEXT.decode(asBytes(value));
const asNumber = (value: WireValue): bigint => {
  if (typeof value === 'bigint') return value;
  throw new WireError('expected a number');
};

class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new WireError('unexpected EOF');
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, result);
    }
    throw new WireError('number is too long');
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw new WireError('unexpected EOF');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}

function* fieldsOf(bytes: Uint8Array): Iterable<[number: number, value: WireValue]> {
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = Number(reader.varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        yield [number, reader.varint()];
        break;
      case 1:
        yield [number, littleEndian(reader.take(8))];
        break;
      case 2:
        yield [number, reader.take(Number(reader.varint()))];
        break;
      case 5:
        yield [number, littleEndian(reader.take(4))];
        break;
      default:
        throw new WireError(`illegal wire type ${tag & 7}`);
    }
  }
}

const littleEndian = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
