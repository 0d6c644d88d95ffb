import type { StoredItem } from './stored-item.ts';
import type { FieldRequirement, ItemFilter } from './watch-cache.ts';

/** The place of one key: stays the same object through all versions, so that indexes change only when an indexed value does. */
interface Slot {
  readonly key: string;
  item: StoredItem | undefined;
}

interface Index {
  valuesOf: (item: StoredItem) => readonly string[];
  slots: Map<string, Bucket>;
}

/** The places that have one value. */
interface Bucket {
  members: Set<Slot>;
  /** In order; undefined after a member came or went. */
  sorted: readonly Slot[] | undefined;
}

/** Beyond this many different selectors' keys a list scans: hostile clients must not make indexes without end. */
const MAX_INDEXES = 24;

/** The current items of one resource, in the order of their keys, with an index for every label or field that was ever asked for. */
export class ItemTable {
  readonly #slots = new Map<string, Slot>();
  #sorted: Slot[] = [];
  #added: Slot[] = [];
  #removed = 0;
  readonly #indexes = new Map<string, Index>();

  get size(): number {
    return this.#slots.size;
  }

  get(key: string): StoredItem | undefined {
    return this.#slots.get(key)?.item;
  }

  set(item: StoredItem): void {
    let slot = this.#slots.get(item.key);
    if (!slot) {
      slot = { key: item.key, item: undefined };
      this.#slots.set(item.key, slot);
      this.#added.push(slot);
    }
    const old = slot.item;
    slot.item = item;
    for (const index of this.#indexes.values()) reindex(index, slot, { old, item });
  }

  remove(key: string): void {
    const slot = this.#slots.get(key);
    if (!slot?.item) return;
    for (const index of this.#indexes.values()) reindex(index, slot, { old: slot.item, item: undefined });
    slot.item = undefined;
    this.#slots.delete(key);
    this.#removed += 1;
  }

  /** Items that pass the filter, in order, those after the key `after`; all of them when `limit` is 0, else at most that many. */
  select(filter: ItemFilter, page: { after?: string; limit?: number } = {}): StoredItem[] {
    const { after = '', limit = 0 } = page;
    const namespace = filter.namespace || equalTo(filter.fields, 'metadata.namespace') || '';
    const name = equalTo(filter.fields, 'metadata.name');
    const matches = filterFunction({ ...filter, namespace });
    if (name !== undefined && namespace) {
      const item = this.get(`${namespace}/${name}`);
      return item && item.key > after && matches(item) ? [item] : [];
    }
    const found = this.#narrowed(filter);
    if (found) {
      const passes = isOneIndex(filter) ? filterFunction({ namespace }) : matches;
      const items: StoredItem[] = [];
      for (const { item } of found) {
        if (!item || !passes(item) || (after !== '' && item.key <= after)) continue;
        items.push(item);
        if (items.length === limit) break;
      }
      return items;
    }
    return this.#scan({ namespace, after, limit, matches: matches === always ? undefined : matches });
  }

  /** How many items come after `key`, in that namespace or in all. */
  countAfter(key: string, namespace: string): number {
    const sorted = this.#inOrder();
    const end = namespace ? lowerBound(sorted, `${namespace}0`) : sorted.length;
    return Math.max(0, end - upperBound(sorted, key));
  }

  ownedBy(uid: string): StoredItem[] {
    const index = this.#index('owner', (item) => item.owners, { force: true });
    const bucket = index?.slots.get(uid);
    return bucket ? inBucket(bucket).flatMap((slot) => slot.item ?? []) : [];
  }

  #scan(options: { namespace: string; after: string; limit: number; matches: ((item: StoredItem) => boolean) | undefined }): StoredItem[] {
    const { namespace, after, limit, matches } = options;
    const sorted = this.#inOrder();
    // '0' is the character after '/': the namespace's keys lie between.
    const end = namespace ? lowerBound(sorted, `${namespace}0`) : sorted.length;
    let at = Math.max(after ? upperBound(sorted, after) : 0, namespace ? lowerBound(sorted, `${namespace}/`) : 0);
    const items: StoredItem[] = [];
    for (; at < end; at += 1) {
      const item = sorted[at]?.item;
      if (!item || (matches && !matches(item))) continue;
      items.push(item);
      if (items.length === limit) break;
    }
    return items;
  }

  /** The slots of the most selective indexed requirement, in order; undefined when there is none. */
  #narrowed(filter: ItemFilter): readonly Slot[] | undefined {
    let best: { size: number; buckets: Bucket[] } | undefined;
    const consider = (index: Index | undefined, values: readonly string[]): void => {
      if (!index) return;
      const buckets = values.flatMap((value) => index.slots.get(value) ?? []);
      const size = buckets.reduce((sum, bucket) => sum + bucket.members.size, 0);
      if (!best || size < best.size) best = { size, buckets };
    };
    for (const { key, values } of filter.labels?.equals ?? [])
      consider(
        this.#index(`label ${key}`, (item) => own(item.labels, key)),
        values,
      );
    for (const { name, operator, value } of filter.fields ?? [])
      if (operator === '=' && !name.startsWith('metadata.'))
        consider(
          this.#index(`field ${name}`, (item) => [item.field(name)]),
          [value],
        );
    if (!best) return undefined;
    const [first, ...others] = best.buckets;
    if (!first) return [];
    return others.length ? best.buckets.flatMap(inBucket).sort(byKey) : inBucket(first);
  }

  #index(id: string, valuesOf: Index['valuesOf'], options: { force?: boolean } = {}): Index | undefined {
    const known = this.#indexes.get(id);
    if (known) return known;
    if (this.#indexes.size >= MAX_INDEXES && !options.force) return undefined;
    const index: Index = { valuesOf, slots: new Map() };
    for (const slot of this.#slots.values()) reindex(index, slot, { old: undefined, item: slot.item });
    this.#indexes.set(id, index);
    return index;
  }

  /** Brings the sorted list up to date: new keys are sorted among themselves and merged in, removed ones dropped. */
  #inOrder(): Slot[] {
    if (this.#added.length === 0 && this.#removed === 0) return this.#sorted;
    const old = this.#removed ? this.#sorted.filter((slot) => slot.item) : this.#sorted;
    const added = this.#added.filter((slot) => slot.item).sort(byKey);
    this.#added = [];
    this.#removed = 0;
    this.#sorted = merged(old, added);
    return this.#sorted;
  }
}

/** A function that says whether an item passes; shared by lists and watches. */
export const filterFunction = (filter: ItemFilter): ((item: StoredItem) => boolean) => {
  const { namespace, labels, fields } = filter;
  if (!namespace && !labels && !fields?.length) return always;
  return (item) =>
    (!namespace || item.namespace === namespace) &&
    (!fields || fields.every(({ name, operator, value }) => (item.field(name) === value) === (operator === '='))) &&
    (!labels || labels.matches(item.labels));
};

/** The one requirement is what an index was asked for: everything it found meets it. */
const isOneIndex = ({ labels, fields = [] }: ItemFilter): boolean => {
  if (!labels) return fields.length === 1;
  return fields.length === 0 && labels.equals?.length === 1 && labels.requirements?.length === 1;
};

export const always = (): boolean => true;

const equalTo = (fields: readonly FieldRequirement[] | undefined, name: string): string | undefined =>
  fields?.find((field) => field.name === name && field.operator === '=')?.value;

const own = (labels: Readonly<Record<string, string>>, key: string): readonly string[] =>
  Object.hasOwn(labels, key) ? [labels[key] as string] : [];

const reindex = (index: Index, slot: Slot, change: { old: StoredItem | undefined; item: StoredItem | undefined }): void => {
  const before = change.old ? index.valuesOf(change.old) : [];
  const after = change.item ? index.valuesOf(change.item) : [];
  if (before.length === after.length && before.every((value, at) => value === after[at])) return;
  for (const value of before) {
    const bucket = index.slots.get(value);
    if (!bucket) continue;
    bucket.members.delete(slot);
    bucket.sorted = undefined;
    if (bucket.members.size === 0) index.slots.delete(value);
  }
  for (const value of after) {
    const bucket = index.slots.get(value);
    if (!bucket) {
      index.slots.set(value, { members: new Set([slot]), sorted: undefined });
      continue;
    }
    bucket.members.add(slot);
    bucket.sorted = undefined;
  }
};

const inBucket = (bucket: Bucket): readonly Slot[] => {
  bucket.sorted ??= [...bucket.members].sort(byKey);
  return bucket.sorted;
};

const byKey = (left: { key: string }, right: { key: string }): number => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0);

const merged = (left: readonly Slot[], right: readonly Slot[]): Slot[] => {
  if (right.length === 0) return left as Slot[];
  const lastLeft = left.at(-1);
  if (!lastLeft || lastLeft.key < (right[0]?.key ?? '')) return [...left, ...right];
  const result: Slot[] = [];
  let at = 0;
  for (const slot of right) {
    for (let next = left[at]; next && next.key < slot.key; next = left[at]) {
      result.push(next);
      at += 1;
    }
    result.push(slot);
  }
  for (; at < left.length; at += 1) result.push(left[at] as Slot);
  return result;
};

/** The first place whose key is not before `key`. */
const lowerBound = (sorted: readonly Slot[], key: string): number => firstPlace(sorted, (slot) => slot.key >= key);
/** The first place whose key is after `key`. */
const upperBound = (sorted: readonly Slot[], key: string): number => firstPlace(sorted, (slot) => slot.key > key);

const firstPlace = (sorted: readonly Slot[], holds: (slot: Slot) => boolean): number => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(sorted[middle] as Slot)) high = middle;
    else low = middle + 1;
  }
  return low;
};
