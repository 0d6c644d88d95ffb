import { keyOf, type Stored } from '../../api/meta/object.ts';

/** Which values an object is found under in one index: `nodeName`, owner uid, Service name. */
export type IndexFunction<T> = (object: Stored<T>) => readonly string[];

/** Objects by key and by any number of indexes. Knows nothing of where they come from. */
export class ObjectCache<T> {
  readonly #objects = new Map<string, Stored<T>>();
  readonly #indexes = new Map<string, { of: IndexFunction<T>; keys: Map<string, Set<string>> }>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): Stored<T> | undefined {
    return this.#objects.get(key);
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  list(): Stored<T>[] {
    return [...this.#objects.values()];
  }

  /** May be called at any time; objects that are there already are indexed. The same name twice keeps the first. */
  addIndex(name: string, of: IndexFunction<T>): void {
    if (this.#indexes.has(name)) return;
    const index = { of, keys: new Map<string, Set<string>>() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) enter(index, key, object);
  }

  byIndex(name: string, value: string): Stored<T>[] {
    const index = this.#indexes.get(name);
    if (!index) throw new RangeError(`no index ${name}`);
    const found: Stored<T>[] = [];
    for (const key of index.keys.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object) found.push(object);
    }
    return found;
  }

  /** Returns what stood there before. */
  set(object: Stored<T>): Stored<T> | undefined {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    for (const index of this.#indexes.values()) {
      if (old) leave(index, key, old);
      enter(index, key, object);
    }
    this.#objects.set(key, object);
    return old;
  }

  delete(key: string): Stored<T> | undefined {
    const old = this.#objects.get(key);
    if (!old) return undefined;
    for (const index of this.#indexes.values()) leave(index, key, old);
    this.#objects.delete(key);
    return old;
  }
}

const enter = <T>(index: { of: IndexFunction<T>; keys: Map<string, Set<string>> }, key: string, object: Stored<T>): void => {
  for (const value of index.of(object)) {
    const keys = index.keys.get(value);
    if (keys) keys.add(key);
    else index.keys.set(value, new Set([key]));
  }
};

const leave = <T>(index: { of: IndexFunction<T>; keys: Map<string, Set<string>> }, key: string, object: Stored<T>): void => {
  for (const value of index.of(object)) {
    const keys = index.keys.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.keys.delete(value);
  }
};
