/**
 * What a controller has written and its cache has not shown yet. While anything is outstanding for a key, its cache is known to
 * be behind, and counting what is there would create or delete too much. Names are known before the write, so the answer of the
 * server and the event may come in either order. What never shows up is given up after five minutes, as upstream does.
 */
export class Expectations {
  readonly #outstanding = new Map<string, Map<string, number>>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Before the write. `what` is the id of one creation or one deletion: `+ns/name`, `-uid`. */
  expect(key: string, what: string): void {
    const entries = this.#outstanding.get(key) ?? new Map<string, number>();
    entries.set(what, this.#now());
    this.#outstanding.set(key, entries);
  }

  /** The cache showed it, or the write failed. */
  settle(key: string, what: string): void {
    const entries = this.#outstanding.get(key);
    entries?.delete(what);
    if (entries?.size === 0) this.#outstanding.delete(key);
  }

  fulfilled(key: string): boolean {
    const entries = this.#outstanding.get(key);
    if (!entries) return true;
    for (const [what, at] of entries) if (this.#now() - at > GIVE_UP_MS) entries.delete(what);
    if (entries.size > 0) return false;
    this.#outstanding.delete(key);
    return true;
  }

  forget(key: string): void {
    this.#outstanding.delete(key);
  }
}

const GIVE_UP_MS = 300_000;
