/**
 * Reads a JSON value by its schema as Go's decoder would and builds the object that the server works with: types are checked, unknown
 * fields pruned (and named when asked), nulls and zero values treated as Go's structs treat them, quantities and times brought to
 * their canonical form, schema defaults set. The input is never changed nor shared with the result, so frozen input is fine and
 * `__proto__` is a key like any other.
 *
 * Whole numbers are JavaScript numbers: an int64 beyond 2^53 - 1 is refused as if it were out of range. No built-in field that means
 * something has such values. Inside free-form data (ControllerRevision.data, custom resources) large numbers lose precision.
 */
import { canonicalQuantity } from '../meta/quantity.ts';
import type { FieldSchema, TypeSchema } from './schema-table.ts';
import { typeNamed } from './table.ts';

/** The message is what stands after `cannot be handled as a Pod: `. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

/** Collects the paths of unknown fields while one object is read. */
export class WalkContext {
  /** Paths as in `spec.containers[0].foo`; undefined when nobody wants to know. */
  readonly unknown: string[] | undefined;
  /** Where the walk is: fields, list indexes and map keys. */
  readonly stack: (CompiledField | number | string)[] = [];

  /** Whether the schema's defaults are set. */
  readonly defaults: boolean;

  constructor(options: { collectUnknown: boolean; defaults?: boolean }) {
    this.unknown = options.collectUnknown ? [] : undefined;
    this.defaults = options.defaults !== false;
  }
}

type Walk = (value: unknown, context: WalkContext, typeName: string) => unknown;
type Fields = Record<string, unknown>;

interface CompiledField {
  readonly key: string;
  readonly inline: string | undefined;
  readonly walk: Walk;
}

interface CompiledType {
  readonly name: string;
  readonly fields: ReadonlyMap<string, CompiledField>;
  /** Fields that are there even when nobody gave them, with what they then are. */
  readonly always: readonly { key: string; make: (context: WalkContext) => unknown }[];
}

/** Deeper than Go's own limit nothing gets; ours is lower, since writing JSON recurses. */
export const MAX_DEPTH = 1000;
const MAX_UNKNOWN = 100;

const compiled = new Map<string, CompiledType>();

/** Reads `value` as the named type. Throws `DecodeError`. `null` is the empty object. */
export const walkType = (typeName: string, value: unknown, context: WalkContext): Fields => {
  const type = compileType(typeName);
  return walkObject(type, value === null ? {} : (value as Fields), context);
};

const compileType = (typeName: string): CompiledType => {
  const known = compiled.get(typeName);
  if (known) return known;
  const schema: TypeSchema = typeNamed(typeName) ?? { fields: {} };
  const fields = new Map<string, CompiledField>();
  const always: { key: string; make: (context: WalkContext) => unknown }[] = [];
  const type: CompiledType = { name: typeName.slice(typeName.lastIndexOf('.') + 1), fields, always };
  // Types refer to themselves (JSONSchemaProps): known before its fields are compiled.
  compiled.set(typeName, type);
  for (const [key, field] of Object.entries(schema.fields)) {
    fields.set(key, { key, inline: field.inline, walk: compileField(field) });
    if (field.default !== undefined)
      always.push({ key, make: (context) => (context.defaults ? structuredClone(field.default) : undefined) });
    if (field.zero === 'keep') always.push({ key, make: zeroOf(field) });
  }
  return type;
};

const zeroOf = (field: FieldSchema): ((context: WalkContext) => unknown) => {
  switch (field.type) {
    case 'object': {
      const ref = field.ref as string;
      return (context) => walkObject(compileType(ref), {}, context);
    }
    case 'string':
      return () => '';
    case 'boolean':
      return () => false;
    case 'int32':
    case 'int64':
    case 'double':
    case 'int-or-string':
      return () => 0;
    case 'quantity':
      return () => '0';
    default:
      return () => null;
  }
};

const walkObject = (type: CompiledType, source: Fields, context: WalkContext): Fields => {
  const result: Fields = {};
  const { fields, always } = type;
  const { stack } = context;
  for (const key in source) {
    const field = fields.get(key);
    if (field === undefined) {
      if (context.unknown && context.unknown.length < MAX_UNKNOWN) context.unknown.push(pathText(context, key));
      continue;
    }
    const value = source[key];
    if (value === null || value === undefined) continue;
    stack.push(field);
    const next = field.walk(value, context, type.name);
    stack.pop();
    if (next !== undefined) result[key] = next;
  }
  for (const field of always) {
    if (result[field.key] !== undefined) continue;
    const value = field.make(context);
    if (value !== undefined) result[field.key] = value;
  }
  return result;
};

const compileField = (field: FieldSchema): Walk => {
  const omitZero = field.zero === 'omit';
  const goType = goTypeOf(field);
  switch (field.type) {
    case 'string':
      return (value, context, type) => {
        if (typeof value !== 'string') fail(value, context, type, goType);
        return value === '' && omitZero ? undefined : value;
      };
    case 'boolean':
      return (value, context, type) => {
        if (typeof value !== 'boolean') fail(value, context, type, goType);
        return value === false && omitZero ? undefined : value;
      };
    case 'int32':
      return (value, context, type) => {
        if (typeof value !== 'number' || (value | 0) !== value) fail(value, context, type, goType);
        return value === 0 && omitZero ? undefined : value;
      };
    case 'int64':
      return (value, context, type) => {
        if (!Number.isSafeInteger(value)) fail(value, context, type, goType);
        return value === 0 && omitZero ? undefined : value;
      };
    case 'double':
      return (value, context, type) => (typeof value === 'number' ? value : fail(value, context, type, goType));
    case 'int-or-string':
      return (value, context, type) =>
        typeof value === 'string' || (typeof value === 'number' && (value | 0) === value) ? value : fail(value, context, type, 'int32');
    case 'quantity':
      return (value) => quantity(value);
    case 'bytes':
      return (value, context, type) => (typeof value === 'string' ? base64(value) : fail(value, context, type, '[]uint8'));
    case 'time':
      return (value, context, type) => (typeof value === 'string' ? time(value) : fail(value, context, type, 'string'));
    case 'micro-time':
      return (value, context, type) => (typeof value === 'string' ? microTime(value) : fail(value, context, type, 'string'));
    case 'object':
      return compileRef(field.ref as string, goType);
    case 'array':
      return compileArray(field, goType, omitZero);
    case 'map':
      return compileMap(field, goType, omitZero);
    case 'any':
      return (value, context) => cloneJson(value, context.stack.length);
  }
};

const compileRef =
  (ref: string, goType: string): Walk =>
  (value, context, type) => {
    if (typeof value !== 'object' || Array.isArray(value)) fail(value, context, type, goType);
    return walkObject(compiled.get(ref) ?? compileType(ref), value as Fields, context);
  };

const compileArray = (field: FieldSchema, goType: string, omitZero: boolean): Walk => {
  const items = field.items as FieldSchema;
  const walkItem = compileField({ ...items, zero: undefined });
  const nullItem = zeroOf(items);
  return (value, context, type) => {
    if (!Array.isArray(value)) fail(value, context, type, goType);
    const source = value as unknown[];
    if (source.length === 0) return omitZero ? undefined : [];
    const result: unknown[] = [];
    const { stack } = context;
    for (let index = 0; index < source.length; index++) {
      const item = source[index];
      stack.push(index);
      result.push(item === null || item === undefined ? nullItem(context) : walkItem(item, context, type));
      stack.pop();
    }
    return result;
  };
};

const compileMap = (field: FieldSchema, goType: string, omitZero: boolean): Walk => {
  const items = field.items as FieldSchema;
  const walkItem = compileField({ ...items, zero: undefined });
  const nullItem = zeroOf(items);
  return (value, context, type) => {
    if (typeof value !== 'object' || Array.isArray(value)) fail(value, context, type, goType);
    const source = value as Fields;
    const result: Fields = {};
    let empty = true;
    const { stack } = context;
    for (const key in source) {
      empty = false;
      const item = source[key];
      if (item === undefined) continue;
      stack.push(key);
      setOwn(result, key, item === null ? nullItem(context) : walkItem(item, context, type));
      stack.pop();
    }
    return empty && omitZero ? undefined : result;
  };
};

/** `target[key] = value` that cannot reach a prototype. */
export const setOwn = (target: Fields, key: string, value: unknown): void => {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
};

/** A copy of free-form JSON. Throws `DecodeError` when it is nested too deeply. */
export const cloneJson = (value: unknown, depth = 0): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) throw new DecodeError('exceeded max depth');
  if (Array.isArray(value)) return value.map((item) => cloneJson(item, depth + 1));
  const result: Fields = {};
  for (const key in value) {
    const item = (value as Fields)[key];
    if (item !== undefined) setOwn(result, key, typeof item === 'object' ? cloneJson(item, depth + 1) : item);
  }
  return result;
};

const goTypeOf = (field: FieldSchema): string => {
  if (field.go) return field.go;
  switch (field.type) {
    case 'boolean':
      return 'bool';
    case 'double':
      return 'float64';
    case 'object':
      return `v1.${(field.ref as string).slice((field.ref as string).lastIndexOf('.') + 1)}`;
    case 'array':
      return `[]${goTypeOf(field.items as FieldSchema)}`;
    case 'map':
      return `map[string]${goTypeOf(field.items as FieldSchema)}`;
    case 'bytes':
      return '[]uint8';
    case 'quantity':
      return 'resource.Quantity';
    default:
      return field.type;
  }
};

const jsonKind = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
};

const fail = (value: unknown, context: WalkContext, typeName: string, goType: string): never => {
  const names: string[] = [];
  for (const step of context.stack) if (typeof step === 'object') names.push(...(step.inline ? [step.inline] : []), step.key);
  const shown = typeof value === 'number' && goType.startsWith('int') ? `number ${numberText(value)}` : jsonKind(value);
  throw new DecodeError(`json: cannot unmarshal ${shown} into Go struct field ${typeName}.${names.join('.')} of type ${goType}`);
};

const numberText = (value: number): string => (Number.isInteger(value) ? BigInt(value).toString() : String(value));

const pathText = (context: WalkContext, key: string): string => {
  let text = '';
  for (const step of context.stack) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text ? '.' : ''}${typeof step === 'string' ? step : step.key}`;
  }
  return `${text ? `${text}.` : ''}${key}`;
};

const quantity = (value: unknown): string => {
  if (typeof value === 'string' || typeof value === 'number') {
    try {
      return canonicalQuantity(value);
    } catch (error) {
      throw new DecodeError((error as Error).message);
    }
  }
  return canonicalQuantityOfOther();
};

const canonicalQuantityOfOther = (): never => {
  throw new DecodeError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
};

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const base64 = (value: string): string => {
  if (BASE64.test(value)) return value;
  const text = value.replace(/[\r\n]/g, '');
  if (BASE64.test(text)) return text;
  const bad = /[^A-Za-z0-9+/]/.exec(text);
  throw new DecodeError(`illegal base64 data at input byte ${bad ? bad.index : text.length}`);
};

const CANONICAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

const time = (value: string): string => {
  if (CANONICAL_TIME.test(value) && !Number.isNaN(Date.parse(value))) return value;
  const match = RFC3339.exec(value);
  const at = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
  if (Number.isNaN(at)) throw badTime(value, '2006-01-02T15:04:05Z07:00');
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
};

const CANONICAL_MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

const microTime = (value: string): string => {
  if (CANONICAL_MICRO_TIME.test(value) && !Number.isNaN(Date.parse(value))) return value;
  const match = RFC3339.exec(value);
  const at = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
  if (!match || Number.isNaN(at)) throw badTime(value, '2006-01-02T15:04:05.000000Z07:00');
  // Go wants exactly six digits here.
  if (match[2]?.length !== 6)
    throw new DecodeError(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse ${JSON.stringify(value.slice((match[1] as string).length))} as ".000000"`,
    );
  return `${new Date(at).toISOString().slice(0, 19)}.${match[2]}Z`;
};

const badTime = (value: string, layout: string): DecodeError =>
  new DecodeError(`parsing time ${JSON.stringify(value)} as "${layout}": cannot parse ${JSON.stringify(value)} as "2006"`);
