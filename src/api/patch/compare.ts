import { deepEqual } from '../meta/equality.ts';
import { type FieldSet, LEAF } from './field-set.ts';
import { fieldStep, itemKey, type Shape, setKey } from './shape.ts';

type Fields = Record<string, unknown>;

export interface Comparison {
  /** Paths that are new or have another value. */
  changed: FieldSet | undefined;
  removed: FieldSet | undefined;
}

const MEMBER = '.';

/** What became of `before`. An absent value is undefined. Order in lists that are merged does not count. */
export const compare = (before: unknown, after: unknown, shape: Shape): Comparison => {
  const comparer = new Comparer();
  const changed = comparer.compare(before, after, shape);
  return { changed: withoutRoot(changed), removed: withoutRoot(comparer.removed) };
};

const withoutRoot = (set: FieldSet | undefined): FieldSet | undefined => (set === LEAF ? undefined : set);

class Comparer {
  /** Second result of the last `compare`: saves a pair for each of the many fields that are equal. */
  removed: FieldSet | undefined;

  compare(before: unknown, after: unknown, shape: Shape): FieldSet | undefined {
    this.removed = undefined;
    if (before === after) return undefined;
    if (shape.kind === 'leaf' || (isEmpty(before) && isEmpty(after)) || !fits(before, shape) || !fits(after, shape))
      return this.#leaf(before, after);
    switch (shape.kind) {
      case 'struct':
        return this.#fields(before, after, (key) => shape.fields.get(key));
      case 'map':
        return this.#fields(before, after, () => shape.item);
      case 'deduced':
        return this.#fields(before, after, () => shape);
      case 'set':
        return this.#items(setItems(before), setItems(after), { before, after, item: LEAF_SHAPE });
      case 'list':
        return this.#items(listItems(before, shape), listItems(after, shape), { before, after, item: shape.item });
    }
  }

  #leaf(before: unknown, after: unknown): FieldSet | undefined {
    if (after === undefined) {
      this.removed = before === undefined ? undefined : LEAF;
      return undefined;
    }
    return before !== undefined && deepEqual(before, after) ? undefined : LEAF;
  }

  #fields(before: unknown, after: unknown, shapeOf: (key: string) => Shape | undefined): FieldSet | undefined {
    const left = (before ?? NOTHING) as Fields;
    const right = (after ?? NOTHING) as Fields;
    let changed: FieldSet | undefined = before === undefined ? { [MEMBER]: LEAF } : undefined;
    let removed: FieldSet | undefined = after === undefined ? { [MEMBER]: LEAF } : undefined;
    const visit = (key: string): void => {
      const shape = shapeOf(key);
      if (shape === undefined) return;
      const difference = this.compare(left[key], right[key], shape);
      if (difference) {
        changed ??= {};
        changed[fieldStep(key)] = difference;
      }
      if (this.removed) {
        removed ??= {};
        removed[fieldStep(key)] = this.removed;
      }
    };
    for (const key in right) visit(key);
    for (const key in left) if (right[key] === undefined) visit(key);
    this.removed = removed;
    return changed;
  }

  #items(
    left: ReadonlyMap<string, unknown>,
    right: ReadonlyMap<string, unknown>,
    { before, after, item }: { before: unknown; after: unknown; item: Shape },
  ): FieldSet | undefined {
    let changed: FieldSet | undefined = before === undefined ? { [MEMBER]: LEAF } : undefined;
    let removed: FieldSet | undefined = after === undefined ? { [MEMBER]: LEAF } : undefined;
    for (const [key, value] of right) {
      const difference = this.compare(left.get(key), value, item);
      if (difference) {
        changed ??= {};
        changed[key] = difference;
      }
      if (this.removed) {
        removed ??= {};
        removed[key] = this.removed;
      }
    }
    for (const [key, value] of left) {
      if (right.has(key)) continue;
      this.compare(value, undefined, item);
      removed ??= {};
      removed[key] = this.removed ?? LEAF;
    }
    this.removed = removed;
    return changed;
  }
}

const NOTHING: Fields = Object.freeze({});
const LEAF_SHAPE: Shape = { kind: 'leaf' };

const isEmpty = (value: unknown): boolean => {
  if (value === undefined || value === null) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _key in value) return false;
  return true;
};

/** Free-form data, and what no decoder has seen, may be of another form than its shape. */
const fits = (value: unknown, shape: Shape): boolean => {
  if (value === undefined || value === null) return true;
  if (typeof value !== 'object') return false;
  return Array.isArray(value) === (shape.kind === 'set' || shape.kind === 'list');
};

const setItems = (value: unknown): Map<string, unknown> => new Map(((value ?? []) as unknown[]).map((item) => [setKey(item), item]));

const listItems = (value: unknown, shape: Extract<Shape, { kind: 'list' }>): Map<string, unknown> => {
  const items = new Map<string, unknown>();
  for (const item of (value ?? []) as unknown[]) {
    const key = itemKey(shape, item);
    if (!items.has(key)) items.set(key, item);
  }
  return items;
};

/** The set of everything that `value` names: what an applier owns. */
export const fieldSetOf = (value: unknown, shape: Shape): FieldSet | undefined => {
  if (shape.kind === 'leaf' || !fits(value, shape)) return LEAF;
  if (value === null || value === undefined) return undefined;
  const set: FieldSet = {};
  if (shape.kind === 'set') for (const item of value as unknown[]) set[setKey(item)] = LEAF;
  else if (shape.kind === 'list')
    for (const item of value as unknown[]) {
      const children = fieldSetOf(item, shape.item);
      set[itemKey(shape, item)] = children && children !== LEAF ? { [MEMBER]: LEAF, ...children } : LEAF;
    }
  else
    for (const [key, item] of Object.entries(value as Fields)) {
      const child = shape.kind === 'struct' ? shape.fields.get(key) : shape.kind === 'map' ? shape.item : shape;
      if (!child) continue;
      const children = fieldSetOf(item, child);
      if (children) set[fieldStep(key)] = children;
      else if (isEmpty(item) && !Array.isArray(item)) set[fieldStep(key)] = LEAF;
    }
  return isEmpty(set) ? undefined : set;
};

/** `live` with everything that `applied` says: merged where the shape merges, replaced elsewhere. */
export const merge = (live: unknown, applied: unknown, shape: Shape): unknown => {
  if (live === undefined || live === null || applied === null || shape.kind === 'leaf' || !fits(live, shape) || !fits(applied, shape))
    return applied;
  if (shape.kind === 'set') {
    const known = setItems(applied);
    return mergeOrder([...setItems(live)], [...known]).map(([, item]) => item);
  }
  if (shape.kind === 'list') {
    const wanted = listItems(applied, shape);
    const was = listItems(live, shape);
    return mergeOrder([...was], [...wanted]).map(([key, item]) =>
      wanted.has(key) ? merge(was.get(key), wanted.get(key), shape.item) : item,
    );
  }
  const result: Fields = { ...(live as Fields) };
  for (const [key, item] of Object.entries(applied as Fields)) {
    const child = shape.kind === 'struct' ? shape.fields.get(key) : shape.kind === 'map' ? shape.item : shape;
    const merged = child ? merge(result[key], item, child) : item;
    Object.defineProperty(result, key, { value: merged, enumerable: true, configurable: true, writable: true });
  }
  return result;
};

type Item = [key: string, value: unknown];

/** Both lists as one: live items that are not applied stay before new ones, what both have follows the applied order. */
const mergeOrder = (live: readonly Item[], applied: readonly Item[]): Item[] => {
  const appliedKeys = new Set(applied.map(([key]) => key));
  const liveKeys = new Set(live.map(([key]) => key));
  const done = new Set<string>();
  const result: Item[] = [];
  let [left, right] = [0, 0];
  while (left < live.length || right < applied.length) {
    const [mine, theirs] = [live[left], applied[right]];
    if (mine && done.has(mine[0])) left++;
    else if (mine && !appliedKeys.has(mine[0])) {
      result.push(mine);
      left++;
    } else if (theirs) {
      result.push(theirs);
      if (liveKeys.has(theirs[0])) done.add(theirs[0]);
      right++;
    } else left++;
  }
  return result;
};

/** `value` without the members of `gone`, except those that `kept` names or has something below. */
export const prune = (value: unknown, gone: FieldSet, kept: FieldSet | undefined, shape: Shape): unknown => {
  if (typeof value !== 'object' || value === null || !fits(value, shape) || shape.kind === 'leaf') return value;
  const survives = (key: string, item: unknown, child: Shape): { keep: boolean; item: unknown } => {
    const lost = gone[key];
    if (!lost) return { keep: true, item };
    const held = kept?.[key];
    const whole = MEMBER in lost || isEmpty(lost);
    if (whole && !held) return { keep: false, item };
    return { keep: true, item: prune(item, lost, held, child) };
  };
  if (shape.kind === 'set') return (value as unknown[]).filter((item) => survives(setKey(item), item, LEAF_SHAPE).keep);
  if (shape.kind === 'list')
    return (value as unknown[])
      .map((item) => survives(itemKey(shape, item), item, shape.item))
      .filter(({ keep }) => keep)
      .map(({ item }) => item);
  const result: Fields = {};
  for (const [key, item] of Object.entries(value as Fields)) {
    const child = shape.kind === 'struct' ? shape.fields.get(key) : shape.kind === 'map' ? shape.item : shape;
    const fate = child ? survives(fieldStep(key), item, child) : { keep: true, item };
    if (fate.keep) Object.defineProperty(result, key, { value: fate.item, enumerable: true, configurable: true, writable: true });
  }
  return result;
};
