/** How finely the owners of fields are told apart: the schema as server-side apply sees it. */
import type { Kind } from '../kind.ts';
import type { FieldSchema } from '../schema/schema-table.ts';
import { typeNamed } from '../schema/table.ts';

export type Shape =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, Shape> }
  | { readonly kind: 'map'; readonly item: Shape }
  | { readonly kind: 'set' }
  | { readonly kind: 'list'; readonly keys: readonly string[]; readonly defaults: Readonly<Record<string, unknown>>; readonly item: Shape }
  /** Free-form: objects are told apart by field, all else is one value. */
  | { readonly kind: 'deduced' };

const LEAF_SHAPE: Shape = { kind: 'leaf' };
const DEDUCED: Shape = { kind: 'deduced' };
const SET_SHAPE: Shape = { kind: 'set' };

const types = new Map<string, Shape>();
const roots = new Map<string, Shape>();

/** Of the metadata these belong to the server and are never owned. */
const UNOWNED_METADATA = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'generation',
  'managedFields',
  'resourceVersion',
]);

/** The shape of a kind as one of its endpoints writes it: what that endpoint cannot change is left out. */
export const rootShape = (kind: Pick<Kind, 'schema' | 'subresources' | 'group' | 'plural'>, subresource: string): Shape => {
  const key = `${kind.schema ?? 'custom'}|${'status' in kind.subresources}|${subresource}`;
  const known = roots.get(key);
  if (known) return known;
  const shape = makeRoot(kind, subresource);
  roots.set(key, shape);
  return shape;
};

const makeRoot = (kind: Pick<Kind, 'schema' | 'subresources'>, subresource: string): Shape => {
  const metadata = structShape('meta/v1.ObjectMeta');
  const owned = metadata.kind === 'struct' ? [...metadata.fields].filter(([name]) => !UNOWNED_METADATA.has(name)) : [];
  const fields = new Map<string, Shape>([['metadata', { kind: 'struct', fields: new Map(owned) }]]);
  const hasStatus = 'status' in kind.subresources;
  const wanted = (name: string): boolean => {
    if (name === 'apiVersion' || name === 'kind' || name === 'metadata') return false;
    if (subresource === 'status') return name === 'status';
    return !(hasStatus && name === 'status' && subresource === '');
  };
  if (kind.schema === undefined) {
    for (const name of ['spec', 'status', 'data']) if (wanted(name)) fields.set(name, DEDUCED);
    return { kind: 'struct', fields };
  }
  const type = structShape(kind.schema);
  if (type.kind === 'struct') for (const [name, shape] of type.fields) if (wanted(name)) fields.set(name, shape);
  return { kind: 'struct', fields };
};

const structShape = (typeName: string): Shape => {
  const known = types.get(typeName);
  if (known) return known;
  const type = typeNamed(typeName);
  if (!type || type.mapType === 'atomic') {
    types.set(typeName, LEAF_SHAPE);
    return LEAF_SHAPE;
  }
  const fields = new Map<string, Shape>();
  const shape: Shape = { kind: 'struct', fields };
  // Types refer to themselves: known before its fields are looked at.
  types.set(typeName, shape);
  for (const [name, field] of Object.entries(type.fields)) fields.set(name, fieldShape(field));
  return shape;
};

const fieldShape = (field: FieldSchema): Shape => {
  if (field.mapType === 'atomic') return LEAF_SHAPE;
  switch (field.type) {
    case 'object':
      return structShape(field.ref as string);
    case 'map':
      return { kind: 'map', item: fieldShape(field.items as FieldSchema) };
    case 'array': {
      if (field.listType === 'set') return SET_SHAPE;
      if (field.listType !== 'map') return LEAF_SHAPE;
      const items = field.items as FieldSchema;
      const keys = [...(field.listKeys ?? [])].sort();
      const itemFields = typeNamed(items.ref ?? '')?.fields ?? {};
      const defaults = Object.fromEntries(
        keys.filter((key) => itemFields[key]?.default !== undefined).map((key) => [key, itemFields[key]?.default]),
      );
      return { kind: 'list', keys, defaults, item: fieldShape(items) };
    }
    default:
      return LEAF_SHAPE;
  }
};

type Fields = Record<string, unknown>;

/** Steps of field sets are made once: joining and interning them is most of the cost of a set. Emptied when full. */
const fieldSteps = new Map<string, string>();
const itemSteps = new Map<string, Map<string, string>>();
const MEMO_LIMIT = 4096;

const remembered = (memo: Map<string, string>, key: string, make: () => string): string => {
  const known = memo.get(key);
  if (known !== undefined) return known;
  if (memo.size >= MEMO_LIMIT) memo.clear();
  const made = make();
  memo.set(key, made);
  return made;
};

/** `f:name`. */
export const fieldStep = (key: string): string => remembered(fieldSteps, key, () => `f:${key}`);

/** `k:{"name":"web"}`: the name of a list's item in a field set. */
export const itemKey = (shape: Extract<Shape, { kind: 'list' }>, item: unknown): string => {
  const fields = (item ?? {}) as Fields;
  const [key, second] = shape.keys;
  if (key !== undefined && second === undefined && typeof fields[key] === 'string') {
    const memo = itemSteps.get(key) ?? new Map<string, string>();
    itemSteps.set(key, memo);
    const value = fields[key] as string;
    return remembered(memo, value, () => `k:{"${key}":${JSON.stringify(value)}}`);
  }
  let text = 'k:{';
  for (const key of shape.keys) {
    const value = fields[key] ?? shape.defaults[key];
    if (value === undefined) continue;
    text += `${text.length > 3 ? ',' : ''}"${key}":${JSON.stringify(value)}`;
  }
  return `${text}}`;
};

export const setKey = (item: unknown): string => `v:${JSON.stringify(item)}`;
