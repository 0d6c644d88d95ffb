import { isDeepStrictEqual } from 'node:util';

type Json = Record<string, unknown>;

/** What a merge needs to know of a field: how lists of objects are keyed. */
export interface MergeSchema {
  /** The schema of a field's value, or undefined where nothing is known. */
  field(name: string): MergeSchema | undefined;
  /** For lists: the field that names an item, where items are merged one by one. */
  readonly mergeKey?: string | undefined;
  /** Lists of plain values that are sets. */
  readonly mergesValues?: boolean;
  /** Maps that lose what the new value does not name: a union. */
  readonly retainsKeys?: boolean;
}

/**
 * The patch of `apply`: deletes what `original` (what was applied last) named and `modified` does not; sets what differs between
 * `modified` and `current`; leaves alone what only the server knows. Undefined when there is nothing to do. Pure.
 */
export const threeWayPatch = (original: Json, modified: Json, current: Json, schema: MergeSchema | undefined): Json | undefined => {
  const patch = mapPatch(original, modified, current, schema);
  return Object.keys(patch).length ? patch : undefined;
};

const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const mapPatch = (original: Json, modified: Json, current: Json, schema: MergeSchema | undefined): Json => {
  const patch: Json = {};
  for (const name of Object.keys(original)) if (!(name in modified) && name in current) patch[name] = null;
  for (const [name, wanted] of Object.entries(modified)) {
    if (wanted === null) continue;
    const now = current[name];
    const before = original[name];
    const below = schema?.field(name);
    if (isMap(wanted) && isMap(now)) {
      const inner = mapPatch(isMap(before) ? before : {}, wanted, now, below);
      if (!Object.keys(inner).length) continue;
      patch[name] = below?.retainsKeys ? { ...inner, $retainKeys: Object.keys(wanted).sort() } : inner;
    } else if (Array.isArray(wanted) && Array.isArray(now) && below?.mergeKey) {
      Object.assign(patch, listPatch(name, { original: Array.isArray(before) ? before : [], modified: wanted, current: now }, below));
    } else if (Array.isArray(wanted) && Array.isArray(now) && below?.mergesValues) {
      const removed = (Array.isArray(before) ? before : []).filter((value) => !wanted.includes(value) && now.includes(value));
      const added = wanted.filter((value) => !now.includes(value));
      if (added.length) patch[name] = added;
      if (removed.length) patch[`$deleteFromPrimitiveList/${name}`] = removed;
    } else if (!isDeepStrictEqual(wanted, now)) patch[name] = wanted;
  }
  return patch;
};

const listPatch = (name: string, lists: { original: unknown[]; modified: unknown[]; current: unknown[] }, schema: MergeSchema): Json => {
  const key = schema.mergeKey as string;
  const find = (list: unknown[], id: unknown): Json | undefined => list.find((item): item is Json => isMap(item) && item[key] === id);
  const items: Json[] = [];
  for (const item of lists.modified as Json[]) {
    const now = find(lists.current, item[key]);
    if (!now) items.push(item);
    else {
      const inner = mapPatch(find(lists.original, item[key]) ?? {}, item, now, schema);
      if (Object.keys(inner).length) items.push({ ...inner, [key]: item[key] });
    }
  }
  for (const item of lists.original as Json[])
    if (!find(lists.modified, item[key]) && find(lists.current, item[key])) items.push({ $patch: 'delete', [key]: item[key] });
  if (!items.length) return {};
  return { [name]: items, [`$setElementOrder/${name}`]: (lists.modified as Json[]).map((item) => ({ [key]: item[key] })) };
};
