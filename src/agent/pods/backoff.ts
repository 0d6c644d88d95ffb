/** Delays that double with every failure of a key, from the first failure's to a bound. */
export class BackOff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #entries = new Map<string, { delayMs: number; updatedAt: number }>();

  constructor(options: { initialMs: number; maxMs: number }) {
    this.#initialMs = options.initialMs;
    this.#maxMs = options.maxMs;
  }

  /** A failure that happened at `since` leads to a new try at `now`: the next failure waits longer. */
  next(key: string, { since, now }: { since: number; now: number }): void {
    const entry = this.#entries.get(key);
    const delayMs = entry && !this.#isForgotten(entry, since) ? Math.min(entry.delayMs * 2, this.#maxMs) : this.#initialMs;
    this.#entries.set(key, { delayMs, updatedAt: now });
  }

  /** Milliseconds until a failure at `since` (default: the last one) may be tried again, and the whole delay. */
  remaining(key: string, { since, now }: { since?: number; now: number }): { waitMs: number; delayMs: number } {
    const entry = this.#entries.get(key);
    const from = since ?? entry?.updatedAt ?? 0;
    if (!entry || this.#isForgotten(entry, from)) return { waitMs: 0, delayMs: 0 };
    return { waitMs: Math.max(0, from + entry.delayMs - now), delayMs: entry.delayMs };
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** It ran well for so long that the next failure counts as the first. */
  #isForgotten(entry: { updatedAt: number }, since: number): boolean {
    return since - entry.updatedAt > 2 * this.#maxMs;
  }
}

/** As Go prints a duration of whole seconds: `10s`, `1m20s`, `5m0s`. */
export const goDuration = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
};
