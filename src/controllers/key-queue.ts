/**
 * Keys that wait for a worker. A key is in it once however often it is added; one that is added while a worker has it comes
 * again when the worker is done. Failures wait longer each time, per key. Bounded by the number of objects there are.
 */
export class KeyQueue {
  readonly #waiting: string[] = [];
  readonly #queued = new Set<string>();
  readonly #underWay = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { timer: NodeJS.Timeout; due: number }>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  readonly #options: { firstRetryMs: number; longestRetryMs: number; random: () => number };
  #closed = false;

  constructor(options: { firstRetryMs?: number; longestRetryMs?: number; random?: () => number } = {}) {
    const { firstRetryMs = 5, longestRetryMs = 60_000, random = Math.random } = options;
    this.#options = { firstRetryMs, longestRetryMs, random };
  }

  get length(): number {
    return this.#waiting.length;
  }

  add(key: string): void {
    if (this.#closed || this.#queued.has(key)) return;
    if (this.#underWay.has(key)) {
      this.#again.add(key);
      return;
    }
    const taker = this.#takers.shift();
    if (taker) {
      this.#underWay.add(key);
      taker(key);
      return;
    }
    this.#queued.add(key);
    this.#waiting.push(key);
  }

  /** The earliest of several calls for a key wins; adding it at once does not cancel the later turn. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const due = performance.now() + ms;
    const known = this.#timers.get(key);
    if (known && known.due <= due) return;
    if (known) clearTimeout(known.timer);
    // A wait longer than a timer can hold comes early, and the sync asks again.
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        this.add(key);
      },
      Math.min(ms, 2 ** 31 - 1),
    );
    this.#timers.set(key, { timer, due });
  }

  addAfterFailure(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const { firstRetryMs, longestRetryMs, random } = this.#options;
    this.addAfter(key, Math.min(firstRetryMs * 2 ** Math.min(failures, 30), longestRetryMs) * (0.9 + 0.2 * random()));
  }

  failuresOf(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The key is well: its next failure is its first. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, which is the caller's until `done`; undefined once the queue is closed. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const key = this.#waiting.shift();
    if (key === undefined) return new Promise((resolve) => this.#takers.push(resolve));
    this.#queued.delete(key);
    this.#underWay.add(key);
    return Promise.resolve(key);
  }

  done(key: string): void {
    this.#underWay.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#waiting.length = 0;
    this.#queued.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}
