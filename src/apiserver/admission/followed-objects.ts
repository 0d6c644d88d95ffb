import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { WatchCache, WatchCursor } from '../watch/watch-cache.ts';

/**
 * Something made of all objects of a few kinds, made again when one of them has changed; the cursors tell that without waiting, so that
 * it always shows every acknowledged write and costs nothing while nothing changes.
 */
export class FollowedObjects<T> {
  readonly #cache: WatchCache;
  readonly #kinds: readonly Kind[];
  readonly #make: (objects: readonly KubeObject[][]) => T;
  #cursors: WatchCursor[] = [];
  #value: T | undefined;
  #running: Promise<T> | undefined;
  #closed = false;
  #callback: (() => void) | undefined;

  /** `make` gets the objects of each kind in the order of their names. */
  constructor(cache: WatchCache, kinds: readonly Kind[], make: (objects: readonly KubeObject[][]) => T) {
    this.#cache = cache;
    this.#kinds = kinds;
    this.#make = make;
  }

  /** A promise only after a change. */
  current(): T | Promise<T> {
    if (this.#value !== undefined && this.#cursors.every((cursor) => cursor.idle && !cursor.closed)) return this.#value;
    this.#running ??= this.#refresh().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Calls back once after the next change, also when somebody's `current` has read it first; one call is kept at a time. */
  onChange(callback: () => void): void {
    this.#callback = callback;
    for (const cursor of this.#cursors) cursor.onReady(() => this.#changed());
  }

  #changed(): void {
    const callback = this.#callback;
    this.#callback = undefined;
    if (!this.#closed) callback?.();
  }

  close(): void {
    this.#closed = true;
    for (const cursor of this.#cursors) cursor.close();
  }

  async #refresh(): Promise<T> {
    const resources = this.#kinds.map((kind) => this.#cache.resource(kind));
    if (this.#cursors.length === 0 || this.#cursors.some((cursor) => cursor.closed)) {
      for (const cursor of this.#cursors) cursor.close();
      this.#cursors = await Promise.all(resources.map((resource) => resource.watch()));
    }
    for (const cursor of this.#cursors) while (!cursor.idle && cursor.read().length > 0);
    const value = this.#make(resources.map((resource) => resource.items().map((item) => item.object)));
    this.#value = value;
    this.#changed();
    return value;
  }
}
