import type { Kind } from '../kind.ts';
import { deepEqual } from '../meta/equality.ts';
import { apiVersionOf, type KubeObject } from '../meta/object.ts';
import { statusError } from '../meta/status.ts';
import { WalkContext, walkType } from '../schema/walker.ts';
import type { ManagedFieldsEntry } from '../types/meta-v1.ts';
import { compare, fieldSetOf, merge, prune } from './compare.ts';
import { difference, type FieldSet, intersection, ordered, pathsOf, setsEqual, union } from './field-set.ts';
import { rootShape, type Shape } from './shape.ts';

/**
 * Server-side apply, and the book-keeping of who owns which field for all other writes. Pure: the caller gives the time.
 *
 * `metadata.managedFields` has one entry for each manager, operation, version and subresource; its `fieldsV1` is the set of paths that
 * it owns. An Update takes what it changes away from everyone else; an Apply of a field that somebody else owns with another value is
 * a conflict unless forced, and what an applier no longer names is removed unless somebody else owns it too.
 */
export interface ApplyOptions {
  manager: string;
  force: boolean;
  /** RFC 3339, whole seconds. */
  now: string;
  subresource?: string;
}

export interface TrackOptions {
  /** What was there before; undefined for a create. */
  old: KubeObject | undefined;
  /** The object to be written: gets its new `metadata.managedFields`. */
  object: KubeObject;
  manager: string;
  operation: 'Update';
  subresource?: string;
  /** RFC 3339, whole seconds. */
  now: string;
}

/** As upstream: of more Update managers than this the oldest are merged into one. */
const MAX_UPDATE_MANAGERS = 10;
const ANCIENT = 'ancient-changes';
const MAX_SET_DEPTH = 100;

/** Records an update (or create, or patch) of `object`. In place. */
export const trackManagedFields = (kind: Kind, options: TrackOptions): void => {
  const { old, object, manager, now } = options;
  const subresource = options.subresource ?? '';
  const shape = rootShape(kind, subresource);
  const { changed, removed } = compare(old ?? emptyObject(kind), object, shape);
  const before = entriesOf(object, old);
  if (!changed && !removed) {
    setEntries(object, before);
    return;
  }
  const self: ManagedFieldsEntry = { manager, operation: 'Update', apiVersion: apiVersionOf(kind), subresource };
  const touched = union(changed, removed);
  const entries: ManagedFieldsEntry[] = [];
  let own: FieldSet | undefined;
  for (const entry of before) {
    if (sameManager(entry, self)) own = difference(setOf(entry), removed);
    else {
      const rest = difference(setOf(entry), touched);
      if (rest) entries.push(rest === entry.fieldsV1 ? entry : { ...entry, fieldsV1: ordered(rest) });
    }
  }
  const set = union(own, changed);
  if (set) entries.push(newEntry(self, set, changed ? now : (before.find((entry) => sameManager(entry, self))?.time ?? now)));
  setEntries(object, sorted(capped(entries, apiVersionOf(kind))));
};

/**
 * The object that results from applying `applied` (as decoded with `applied: true`) to `live` (undefined: to nothing). It may share
 * parts with both: decode it before use. Throws a 409 `StatusError` on conflicts.
 */
export const serverSideApply = (kind: Kind, live: KubeObject | undefined, applied: KubeObject, options: ApplyOptions): KubeObject => {
  const shape = rootShape(kind, options.subresource ?? '');
  const self: ManagedFieldsEntry = {
    manager: options.manager,
    operation: 'Apply',
    apiVersion: apiVersionOf(kind),
    subresource: options.subresource ?? '',
  };
  if (applied.metadata.managedFields?.length) throw statusError(400, 'BadRequest', 'metadata.managedFields must be nil');
  const base: KubeObject = live ?? (emptyObject(kind) as KubeObject);
  const entries = live?.metadata.managedFields ?? [];
  const others = entries.filter((entry) => !sameManager(entry, self));
  const last = entries.find((entry) => sameManager(entry, self));
  const set = fieldSetOf(applied, shape);
  let object = mergeRoot(base, applied, shape);
  const lastSet = last && setOf(last);
  if (lastSet) {
    const gone = difference(lastSet, set);
    const kept = others.reduce((all, entry) => union(all, setOf(entry)), set);
    if (gone) object = prune(object, gone, kept, shape) as KubeObject;
  }
  const { changed, removed } = compare(base, object, shape);
  const conflicts = options.force ? [] : conflictsOf(others, changed);
  if (conflicts.length > 0) throw conflictError(conflicts);
  const touched = union(changed, removed);
  const rest: ManagedFieldsEntry[] = [];
  for (const entry of others) {
    const left = difference(setOf(entry), touched);
    if (left) rest.push(left === entry.fieldsV1 ? entry : { ...entry, fieldsV1: ordered(left) });
  }
  const unchanged = last !== undefined && !touched && setsEqual(lastSet, set);
  if (set) rest.push(unchanged ? last : newEntry(self, set, options.now));
  object.metadata = { ...object.metadata };
  setEntries(object, sorted(rest));
  return object;
};

/** What a mutating policy applies: merged as an apply would, but owned by nobody. May share parts with both. */
export const mergeApplied = (kind: Kind, live: KubeObject, applied: Record<string, unknown>, subresource: string): KubeObject =>
  mergeRoot(live, applied as unknown as KubeObject, rootShape(kind, subresource));

/** Identity, apiVersion and kind are not of the shape: those of the live object stay. */
const mergeRoot = (base: KubeObject, applied: KubeObject, shape: Shape): KubeObject => {
  const object = merge(base, applied, shape) as KubeObject;
  object.metadata = { ...(base.metadata as object), ...(object.metadata as object) };
  return object;
};

const emptyObjects = new Map<string, Record<string, unknown>>();

/** What upstream compares a new object with: the kind's fields that are always there. */
const emptyObject = (kind: Kind): Record<string, unknown> => {
  if (kind.schema === undefined) return { metadata: {} };
  const known = emptyObjects.get(kind.schema);
  if (known) return known;
  const made = walkType(kind.schema, {}, new WalkContext({ collectUnknown: false, defaults: false }));
  emptyObjects.set(kind.schema, made);
  return made;
};

/** The client's entries where it sent any (that is how they are edited), else those of the stored object. */
const entriesOf = (object: KubeObject, old: KubeObject | undefined): readonly ManagedFieldsEntry[] => {
  const given = object.metadata.managedFields;
  const stored = old?.metadata.managedFields ?? [];
  if (!given || given.length === 0 || !old) return stored;
  if (given.length === 1 && !given[0]?.manager && !given[0]?.fieldsV1) return [];
  if (deepEqual(given, stored)) return stored;
  return given.every((entry) => isFieldSet(entry.fieldsV1, 0)) ? given : stored;
};

const isFieldSet = (value: unknown, depth: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  depth < MAX_SET_DEPTH &&
  Object.entries(value).every(([key, child]) => /^(\.$|[fkvi]:)/.test(key) && isFieldSet(child, depth + 1));

const setOf = (entry: ManagedFieldsEntry): FieldSet => (entry.fieldsV1 ?? {}) as FieldSet;

const sameManager = (a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  (a.subresource ?? '') === (b.subresource ?? '') &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion);

const newEntry = (self: ManagedFieldsEntry, set: FieldSet, time: string): ManagedFieldsEntry => ({
  manager: self.manager,
  operation: self.operation,
  apiVersion: self.apiVersion,
  time,
  fieldsType: 'FieldsV1',
  fieldsV1: ordered(set),
  ...(self.subresource ? { subresource: self.subresource } : {}),
});

const setEntries = (object: KubeObject, entries: readonly ManagedFieldsEntry[]): void => {
  if (entries.length === 0) delete object.metadata.managedFields;
  else object.metadata.managedFields = [...entries];
};

const sorted = (entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] =>
  entries.length < 2 ? [...entries] : entries.toSorted((a, b) => compareTexts(orderOf(a), orderOf(b)));

const orderOf = (entry: ManagedFieldsEntry): string =>
  `${entry.operation}\0${entry.time ?? ''}\0${entry.manager ?? ''}\0${entry.apiVersion ?? ''}\0${entry.subresource ?? ''}`;

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const capped = (entries: readonly ManagedFieldsEntry[], apiVersion: string): readonly ManagedFieldsEntry[] => {
  const updates = entries.filter((entry) => entry.operation === 'Update');
  if (updates.length <= MAX_UPDATE_MANAGERS) return entries;
  const oldest = sorted(updates).slice(0, updates.length - MAX_UPDATE_MANAGERS + 1);
  const set = oldest.reduce<FieldSet | undefined>((all, entry) => union(all, setOf(entry)), undefined);
  const time = oldest.at(-1)?.time ?? '';
  const merged = set ? [newEntry({ manager: ANCIENT, operation: 'Update', apiVersion }, set, time)] : [];
  return [...entries.filter((entry) => !oldest.includes(entry)), ...merged];
};

interface Conflict {
  manager: string;
  path: string;
}

const conflictsOf = (others: readonly ManagedFieldsEntry[], changed: FieldSet | undefined): Conflict[] =>
  others.flatMap((entry) => {
    const both = intersection(setOf(entry), changed);
    return both ? pathsOf(both).map((path) => ({ manager: shown(entry), path })) : [];
  });

const shown = (entry: ManagedFieldsEntry): string => {
  const name = JSON.stringify(entry.manager ?? '');
  const where = entry.subresource ? ` with subresource ${JSON.stringify(entry.subresource)}` : '';
  return entry.operation === 'Update' ? `${name}${where} using ${entry.apiVersion}` : `${name}${where}`;
};

const conflictError = (conflicts: readonly Conflict[]) => {
  const [first] = conflicts;
  const byManager = Map.groupBy(conflicts, (conflict) => conflict.manager);
  const lines = [...byManager.keys()]
    .sort()
    .flatMap((manager) => [`conflicts with ${manager}:`, ...(byManager.get(manager) ?? []).map(({ path }) => `- ${path}`)]);
  const message =
    conflicts.length === 1 && first
      ? `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.path}`
      : `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
  return statusError(409, 'Conflict', message, {
    causes: conflicts.map(({ manager, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field: path })),
  });
};
