import type { Kind } from '../../api/kind.ts';
import { apiVersionOf } from '../../api/meta/object.ts';
import { expired } from '../../api/meta/status.ts';
import { callSoon } from './call-soon.ts';
import { bookmarkEvent, type EventRing, initialEvent } from './event-ring.ts';
import { encodeStored } from './stored-bytes.ts';
import { StoredItem } from './stored-item.ts';
import type { WatchCacheEvent, WatchCursor } from './watch-cache.ts';

const DEFAULT_READ_BYTES = 1024 * 1024;

/** What a cursor needs of its resource. */
export interface CursorHome {
  readonly kind: Kind;
  readonly ring: EventRing;
  /** Everything up to here has been applied. */
  readonly revision: number;
  leave(cursor: RingCursor): void;
}

export interface CursorOptions {
  home: CursorHome;
  matches: (item: StoredItem) => boolean;
  /** Cursors of the same name see the same events; undefined where a selector makes it one of a kind. */
  sharedAs: string | undefined;
  /** Events up to this revision are not shown. */
  revision: number;
  /** Shown first. */
  initial: readonly StoredItem[];
  /** A user in the process reads objects from it. */
  onBatches: () => void;
  /** A bookmark that says so follows the initial objects. */
  marksInitialEnd: boolean;
}

export class RingCursor implements WatchCursor {
  readonly #home: CursorHome;
  readonly #matches: (item: StoredItem) => boolean;
  readonly #onBatches: () => void;
  readonly #sharedAs: string | undefined;
  #isLocal = false;
  #initial: readonly StoredItem[];
  #initialAt = 0;
  #marksInitialEnd: boolean;
  #place: number;
  #revision: number;
  #closed = false;
  #callback: (() => void) | undefined;
  #scheduled = false;

  constructor(options: CursorOptions) {
    this.#home = options.home;
    this.#matches = options.matches;
    this.#onBatches = options.onBatches;
    // One that begins in the future passes over events that others at its place see.
    this.#sharedAs = options.revision > options.home.revision ? undefined : options.sharedAs;
    this.#initial = options.initial;
    this.#marksInitialEnd = options.marksInitialEnd;
    this.#revision = options.revision;
    this.#place = options.home.ring.placeAfter(options.revision);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Read by this process itself. */
  get isLocal(): boolean {
    return this.#isLocal;
  }

  get idle(): boolean {
    return this.#initialAt >= this.#initial.length && !this.#marksInitialEnd && this.#place >= this.#home.ring.end;
  }

  get revision(): number {
    return this.idle ? Math.max(this.#revision, this.#home.revision) : this.#revision;
  }

  read(maxBytes = DEFAULT_READ_BYTES): readonly WatchCacheEvent[] {
    const events: WatchCacheEvent[] = [];
    let bytes = 0;
    while (bytes < maxBytes) {
      const event = this.#next();
      if (!event) break;
      events.push(event);
      bytes += event.item.bytes.length;
    }
    return events;
  }

  readBytes(maxBytes = DEFAULT_READ_BYTES): Buffer | undefined {
    const from = this.#place;
    const isInitial = this.#initialAt < this.#initial.length || this.#marksInitialEnd;
    const events = this.read(maxBytes);
    if (events.length <= 1) return events[0]?.bytes;
    const join = (): Buffer => Buffer.concat(events.map((event) => event.bytes));
    if (isInitial || this.#sharedAs === undefined) return join();
    return this.#home.ring.joined({ sharedAs: this.#sharedAs, from, to: this.#place }, join);
  }

  onReady(callback: () => void): void {
    this.#callback = callback;
    this.wake();
  }

  /** Called after changes: calls back when one of them is to be shown. Passes over the others, so that an idle watcher never falls behind. */
  wake(): void {
    if (!this.#callback || this.#scheduled) return;
    if (!this.#closed && !this.#hasSomething()) return;
    this.#scheduled = true;
    callSoon(this.#call);
  }

  readonly #call = (): void => {
    this.#scheduled = false;
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  };

  bookmark(): WatchCacheEvent {
    return this.#bookmarkAt(this.revision);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#initial = [];
    this.#home.leave(this);
    this.wake();
  }

  async *batches(signal: AbortSignal): AsyncGenerator<readonly WatchCacheEvent[]> {
    this.#isLocal = true;
    this.#onBatches();
    const close = (): void => this.close();
    signal.addEventListener('abort', close);
    try {
      while (!this.#closed && !signal.aborted) {
        const events = this.read();
        if (events.length) yield events;
        else await new Promise<void>((resolve) => this.onReady(resolve));
      }
    } finally {
      signal.removeEventListener('abort', close);
      this.close();
    }
  }

  #next(): WatchCacheEvent | undefined {
    if (this.#closed) return undefined;
    const item = this.#initial[this.#initialAt];
    if (item) {
      this.#initialAt += 1;
      return initialEvent(item);
    }
    this.#initial = [];
    this.#initialAt = 0;
    if (this.#marksInitialEnd) {
      this.#marksInitialEnd = false;
      return this.#bookmarkAt(this.#revision, { 'k8s.io/initial-events-end': 'true' });
    }
    const event = this.#pending();
    if (event) {
      this.#place += 1;
      this.#revision = event.revision;
    }
    return event;
  }

  #hasSomething(): boolean {
    if (this.#initialAt < this.#initial.length || this.#marksInitialEnd) return true;
    // What was dropped unread: `read` must run to say so.
    return !this.#home.ring.holds(this.#place) || this.#pending() !== undefined;
  }

  /** The next event that is shown; those before it are passed over. */
  #pending(): WatchCacheEvent | undefined {
    const { ring } = this.#home;
    if (!ring.holds(this.#place)) throw expired(`too old resource version: ${this.#revision} (${ring.start})`);
    for (;;) {
      const event = ring.at(this.#place);
      if (!event) return undefined;
      const isNew = event.revision > this.#revision;
      const shown = isNew ? event.shown(this.#matches) : undefined;
      if (shown) return shown;
      this.#place += 1;
      if (isNew) this.#revision = event.revision;
    }
  }

  #bookmarkAt(revision: number, annotations?: Record<string, string>): WatchCacheEvent {
    const { kind } = this.#home;
    const value = encodeStored({ kind: kind.kind, apiVersion: apiVersionOf(kind), metadata: annotations ? { annotations } : {} });
    return bookmarkEvent(new StoredItem({ kind, key: '', value, revision, facts: NO_FACTS }));
  }
}

const NO_FACTS = { uid: '', labels: {}, owners: [], fields: {} };
