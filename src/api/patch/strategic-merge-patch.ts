import { deepEqual } from '../meta/equality.ts';
import { badRequest, statusError } from '../meta/status.ts';
import type { FieldSchema } from '../schema/schema-table.ts';
import { typeNamed } from '../schema/table.ts';
import { setOwn } from '../schema/walker.ts';

type Fields = Record<string, unknown>;

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

/**
 * Kubernetes' strategic merge: lists with a merge key are merged by it, directives (`$patch`, `$retainKeys`, `$setElementOrder/x`,
 * `$deleteFromPrimitiveList/x`) are obeyed. Neither argument is changed; the result may share parts with both.
 */
export const applyStrategicMergePatch = (typeName: string | undefined, current: Fields, patch: Fields): Fields =>
  mergeMap(current, patch, typeName);

/** The schema of a field of the named type; undefined below free-form data. */
const fieldOf = (typeName: string | undefined, key: string): FieldSchema | undefined =>
  typeName === undefined ? undefined : typeNamed(typeName)?.fields[key];

const typeOf = (schema: FieldSchema | undefined): string | undefined => (schema?.type === 'object' ? schema.ref : undefined);

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const hasStrategy = (schema: FieldSchema | undefined, strategy: string): boolean =>
  schema?.patchStrategy?.split(',').includes(strategy) ?? false;

const mergeMap = (original: Fields, patch: Fields, typeName: string | undefined): Fields => {
  const directive = patch[PATCH];
  if (directive === 'replace') return dropDirectives(without(patch, PATCH)) as Fields;
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw badRequest(`unknown patch type: ${JSON.stringify(directive)}`);
  const result = retained(original, patch);
  const deletions = new Map<string, unknown[]>();
  const orders = new Map<string, unknown[]>();
  for (const key in patch) {
    if (key.startsWith(DELETE_FROM)) deletions.set(key.slice(DELETE_FROM.length), asList(patch[key]));
    else if (key.startsWith(ORDER)) orders.set(key.slice(ORDER.length), asList(patch[key]));
  }
  for (const [key, gone] of deletions) {
    const list = result[key];
    if (Array.isArray(list)) result[key] = list.filter((item) => !gone.some((other) => deepEqual(item, other)));
  }
  for (const key in patch) {
    if (key === PATCH || key === RETAIN_KEYS || key.startsWith(ORDER) || key.startsWith(DELETE_FROM)) continue;
    mergeField(result, key, patch[key], fieldOf(typeName, key));
  }
  for (const [key, order] of orders) {
    const list = result[key];
    if (Array.isArray(list)) result[key] = inOrder(list, order, asList(original[key] ?? []), fieldOf(typeName, key)?.mergeKey);
  }
  return result;
};

const mergeField = (result: Fields, key: string, value: unknown, schema: FieldSchema | undefined): void => {
  if (value === null) {
    delete result[key];
    return;
  }
  const was = Object.hasOwn(result, key) ? result[key] : undefined;
  if (was === undefined || was === null) setOwn(result, key, dropDirectives(value));
  else if (isObject(value) && isObject(was))
    setOwn(result, key, hasStrategy(schema, 'replace') ? dropDirectives(value) : mergeMap(was, value, typeOf(schema)));
  else if (Array.isArray(value) && Array.isArray(was) && hasStrategy(schema, 'merge'))
    setOwn(result, key, mergeList(was, value, schema as FieldSchema));
  else setOwn(result, key, dropDirectives(value));
};

const retained = (original: Fields, patch: Fields): Fields => {
  const result: Fields = {};
  const list = patch[RETAIN_KEYS];
  const keep = list === undefined ? undefined : new Set(asList(list));
  if (keep)
    for (const key in patch)
      if (!key.startsWith('$') && !keep.has(key) && patch[key] !== null)
        throw rejected('the retainKeys list does not contain all the fields of the patch');
  for (const key in original) if (!keep || keep.has(key)) setOwn(result, key, original[key]);
  return result;
};

const mergeList = (original: readonly unknown[], patch: readonly unknown[], schema: FieldSchema): unknown[] => {
  if (patch.length === 0 && original.length === 0) return [...original];
  const { mergeKey } = schema;
  if (mergeKey === undefined || !isObject(patch[0] ?? original[0])) {
    const merged = [...original];
    for (const item of patch) if (!merged.some((other) => deepEqual(item, other))) merged.push(item);
    return inOrder(merged, patch, original, undefined);
  }
  let kept = [...original];
  const items: Fields[] = [];
  let replace = false;
  for (const item of patch) {
    if (!isObject(item)) throw badRequest('invalid patch: a list of objects holds something else');
    const directive = item[PATCH];
    if (directive === 'replace') replace = true;
    else if (directive === 'delete') {
      const key = keyOf(item, mergeKey);
      kept = kept.filter((other) => !isObject(other) || !deepEqual(other[mergeKey], key));
    } else if (directive !== undefined && directive !== 'merge') throw badRequest(`unknown patch type: ${JSON.stringify(directive)}`);
    else items.push(item);
  }
  if (replace) return items.map((item) => dropDirectives(item));
  const typeName = typeOf(schema.items);
  for (const item of items) {
    const key = keyOf(item, mergeKey);
    const at = kept.findIndex((other) => isObject(other) && deepEqual(other[mergeKey], key));
    if (at < 0) kept.push(dropDirectives(item));
    else kept[at] = mergeMap(kept[at] as Fields, item, typeName);
  }
  return inOrder(kept, items, original, mergeKey);
};

const keyOf = (item: Fields, mergeKey: string): unknown => {
  const key = item[mergeKey];
  if (key === undefined) throw statusError(500, '', `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
  return key;
};

/** Items that stand in `order` in that order, the others among them as they stood in `original`. */
const inOrder = (
  merged: readonly unknown[],
  order: readonly unknown[],
  original: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] => {
  const same = (a: unknown, b: unknown): boolean => deepEqual(identity(a, mergeKey), identity(b, mergeKey));
  const indexIn = (list: readonly unknown[], item: unknown): number => list.findIndex((other) => same(other, item));
  const byIndex = (list: readonly unknown[]) => (a: unknown, b: unknown) => indexIn(list, a) - indexIn(list, b);
  const named = merged.filter((item) => indexIn(order, item) >= 0).sort(byIndex(order));
  const others = merged.filter((item) => indexIn(order, item) < 0).sort(byIndex(original));
  const result: unknown[] = [];
  let [left, right] = [0, 0];
  while (left < others.length || right < named.length) {
    if (left >= others.length) result.push(named[right++]);
    else if (right >= named.length) result.push(others[left++]);
    else {
      const [leftAt, rightAt] = [indexIn(original, others[left]), indexIn(original, named[right])];
      result.push(leftAt >= 0 && rightAt >= 0 && leftAt < rightAt ? others[left++] : named[right++]);
    }
  }
  return result;
};

const identity = (item: unknown, mergeKey: string | undefined): unknown =>
  mergeKey !== undefined && isObject(item) ? item[mergeKey] : item;

/** A patch value that meets nothing to be merged with: directives and nulls go. */
const dropDirectives = (value: unknown): unknown => {
  if (Array.isArray(value)) {
    const kept = value.filter(
      (item) => !isObject(item) || item[PATCH] === undefined || (item[PATCH] !== 'delete' && Object.keys(item).length > 1),
    );
    return kept.map(dropDirectives);
  }
  if (!isObject(value)) return value;
  const result: Fields = {};
  for (const key in value) {
    if (key === PATCH || key === RETAIN_KEYS || key.startsWith(ORDER) || key.startsWith(DELETE_FROM)) continue;
    if (value[key] !== null) setOwn(result, key, dropDirectives(value[key]));
  }
  return result;
};

const without = (fields: Fields, key: string): Fields => {
  const { [key]: _dropped, ...rest } = fields;
  return rest;
};

const asList = (value: unknown): unknown[] => {
  if (Array.isArray(value)) return value;
  throw rejected('a directive wants a list');
};

const rejected = (_why: string) => statusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
