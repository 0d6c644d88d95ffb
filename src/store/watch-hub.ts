import { StoreError, type StoreEvent, type WatchOptions } from './store.ts';

/** Where events come from that the hub no longer keeps. */
export interface EventHistory {
  /** At most `limit` events of revisions `from` to `to`, in order, of every key. Throws `Compacted`. */
  read(range: { from: number; to: number; limit: number }): Promise<readonly StoreEvent[]>;
}

/** Recent events kept in memory: enough for watchers that keep up, which is what the cache above the store does. */
const RING_EVENTS = 1024;
const RING_BYTES = 2 * 1024 * 1024;
const HISTORY_PAGE = 500;

/**
 * Hands committed events to any number of watchers. A watcher is a revision: it reads from the ring of recent events, or from
 * the history when it fell behind, so that a slow one costs no memory and sees no gap.
 */
export class WatchHub {
  #ring: StoreEvent[] = [];
  #ringBytes = 0;
  #revision: number;
  #waiting: (() => void)[] = [];
  #closed = false;
  readonly #history: EventHistory;

  constructor(options: { revision: number; history: EventHistory }) {
    this.#revision = options.revision;
    this.#history = options.history;
  }

  /** The newest revision that was published. */
  get revision(): number {
    return this.#revision;
  }

  /** `events` follow the last published one without a gap. */
  publish(events: readonly StoreEvent[]): void {
    for (const event of events) {
      this.#ring.push(event);
      this.#ringBytes += event.value.length;
      this.#revision = event.revision;
    }
    this.#trim();
    this.#wake();
  }

  /** History before `revision` was compacted away. */
  forget(revision: number): void {
    this.#ring = this.#ring.filter((event) => event.revision >= revision);
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *watch(options: WatchOptions): AsyncGenerator<readonly StoreEvent[]> {
    const { prefix, signal } = options;
    let next = options.fromRevision ?? this.#revision + 1;
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake);
    try {
      while (!this.#closed && !signal.aborted) {
        if (next > this.#revision) {
          await this.#published();
          continue;
        }
        const events = await this.#page(next);
        const last = events.at(-1);
        if (!last) throw new StoreError('Compacted', `events from revision ${next} on are gone`);
        const wanted = prefix === '' ? events : events.filter((event) => event.key.startsWith(prefix));
        next = last.revision + 1;
        if (wanted.length) yield wanted;
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #page(from: number): readonly StoreEvent[] | Promise<readonly StoreEvent[]> {
    const first = this.#ring[0];
    if (first && from >= first.revision) return this.#ring.slice(from - first.revision);
    return this.#history.read({ from, to: this.#revision, limit: HISTORY_PAGE });
  }

  #published(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Drops the older half at once, so that trimming costs nothing per event. */
  #trim(): void {
    if (this.#ring.length < RING_EVENTS && this.#ringBytes < RING_BYTES) return;
    this.#ring = this.#ring.slice(Math.ceil(this.#ring.length / 2));
    this.#ringBytes = this.#ring.reduce((sum, event) => sum + event.value.length, 0);
  }
}
