import { always } from './item-table.ts';
import type { StoredItem } from './stored-item.ts';
import type { WatchCacheEvent } from './watch-cache.ts';

/** What one watcher is shown: encoded once, by the first that asks. */
class ShownEvent implements WatchCacheEvent {
  readonly type: WatchCacheEvent['type'];
  readonly item: StoredItem;
  #bytes: Buffer | undefined;

  constructor(type: WatchCacheEvent['type'], item: StoredItem) {
    this.type = type;
    this.item = item;
  }

  get revision(): number {
    return this.item.revision;
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.concat([HEAD[this.type], this.item.bytes, TAIL]);
    return this.#bytes;
  }
}

const HEAD = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
};
const TAIL = Buffer.from('}\n');

/** The ADDED that stands for an object which was there before the watch began. */
export const initialEvent = (item: StoredItem): WatchCacheEvent => new ShownEvent('ADDED', item);
export const bookmarkEvent = (item: StoredItem): WatchCacheEvent => new ShownEvent('BOOKMARK', item);

/** One change of one object, as the store told it. */
export class RingEvent {
  readonly revision: number;
  /** After the change; for a deletion the last state, with the deletion's revision. */
  readonly item: StoredItem;
  readonly previous: StoredItem | undefined;
  readonly isDeletion: boolean;
  readonly #asOf: (item: StoredItem, revision: number) => StoredItem;
  #added: ShownEvent | undefined;
  #changed: ShownEvent | undefined;
  #left: ShownEvent | undefined;

  /** `asOf` makes the same object with another resourceVersion. */
  constructor(options: {
    item: StoredItem;
    previous: StoredItem | undefined;
    isDeletion: boolean;
    asOf: (item: StoredItem, revision: number) => StoredItem;
  }) {
    this.item = options.item;
    this.revision = options.item.revision;
    this.previous = options.previous;
    this.isDeletion = options.isDeletion;
    this.#asOf = options.asOf;
  }

  /**
   * What a watcher with this filter sees. An object that begins to match is ADDED, one that ceases to is DELETED and shown as it
   * last matched; both carry the revision of the change.
   */
  shown(matches: (item: StoredItem) => boolean): WatchCacheEvent | undefined {
    const { previous } = this;
    if (matches === always) return previous || this.isDeletion ? this.#change() : this.#addition();
    const did = previous !== undefined && matches(previous);
    const does = !this.isDeletion && matches(this.item);
    if (does) return did ? this.#change() : this.#addition();
    if (!did) return undefined;
    if (this.isDeletion) return this.#change();
    this.#left ??= new ShownEvent('DELETED', this.#asOf(previous, this.revision));
    return this.#left;
  }

  /** Everyone who keeps up has read it: what can be made again is dropped. The newest version of an object stays as it is. */
  cool(): void {
    this.previous?.letGo();
    if (this.isDeletion) this.item.letGo();
    this.#added = undefined;
    this.#changed = undefined;
    this.#left = undefined;
  }

  /** What it keeps in memory, about. */
  get bytes(): number {
    return this.item.bytes.length + (this.previous?.bytes.length ?? 0);
  }

  #addition(): ShownEvent {
    this.#added ??= new ShownEvent('ADDED', this.item);
    return this.#added;
  }

  #change(): ShownEvent {
    this.#changed ??= new ShownEvent(this.isDeletion ? 'DELETED' : 'MODIFIED', this.item);
    return this.#changed;
  }
}

/** Enough for a client that was away for a minute under load; older history comes from the store. */
const MAX_EVENTS = 8192;
const MAX_BYTES = 24 * 1024 * 1024;
/** Older events keep nothing but stored bytes. */
const WARM_EVENTS = 256;
/** Pieces of the stream that are kept for other watchers: one for each namespace that is watched. */
const MAX_SHARED = 64;

/** The recent changes of one resource, which all its watchers read. Places are counted from the first event ever. */
export class EventRing {
  #events: RingEvent[] = [];
  #offset = 0;
  #bytes = 0;
  readonly #shared = new Map<string, { from: number; to: number; bytes: Buffer }>();
  /** Everything after this revision is in the ring. */
  start: number;

  constructor(start: number) {
    this.start = start;
  }

  /** The place after the newest event. */
  get end(): number {
    return this.#offset + this.#events.length;
  }

  push(event: RingEvent): void {
    this.#events.push(event);
    this.#bytes += event.bytes;
    this.#events[this.#events.length - 1 - WARM_EVENTS]?.cool();
    if (this.#events.length < MAX_EVENTS && this.#bytes < MAX_BYTES) return;
    const dropped = this.#events.splice(0, Math.ceil(this.#events.length / 2));
    this.#offset += dropped.length;
    this.#bytes = this.#events.reduce((sum, kept) => sum + kept.bytes, 0);
    this.start = dropped.at(-1)?.revision ?? this.start;
  }

  /** Puts older events, read from the store, before the others. */
  extendBack(events: readonly RingEvent[], start: number): void {
    this.#events = [...events, ...this.#events];
    this.#offset -= events.length;
    this.#bytes += events.reduce((sum, event) => sum + event.bytes, 0);
    this.start = start;
  }

  /** Undefined when the place was dropped, or nothing is there yet. */
  at(place: number): RingEvent | undefined {
    return this.#events[place - this.#offset];
  }

  holds(place: number): boolean {
    return place >= this.#offset;
  }

  /** The place of the first event after `revision`. */
  placeAfter(revision: number): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle] as RingEvent).revision > revision) high = middle;
      else low = middle + 1;
    }
    return this.#offset + low;
  }

  /** The event of exactly this revision. */
  find(revision: number): RingEvent | undefined {
    const event = this.at(this.placeAfter(revision - 1));
    return event?.revision === revision ? event : undefined;
  }

  /** Watchers that see the same events and are at the same place share one piece of the stream. */
  joined(range: { sharedAs: string; from: number; to: number }, join: () => Buffer): Buffer {
    const { sharedAs, from, to } = range;
    const known = this.#shared.get(sharedAs);
    if (known?.from === from && known.to === to) return known.bytes;
    if (this.#shared.size >= MAX_SHARED) this.#shared.clear();
    const bytes = join();
    this.#shared.set(sharedAs, { from, to, bytes });
    return bytes;
  }
}
