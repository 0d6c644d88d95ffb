import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { expired, type StatusError } from '../../api/meta/status.ts';
import { type Store, StoreError, type StoreEvent } from '../../store/store.ts';
import { EventRing, RingEvent } from './event-ring.ts';
import { filterFunction, ItemTable } from './item-table.ts';
import {
  continueExpired,
  decodeContinue,
  encodeContinue,
  listExpired,
  parseResourceVersion,
  tooLargeResourceVersion,
} from './list-position.ts';
import { type CursorHome, RingCursor } from './ring-cursor.ts';
import { itemKey, storePrefix } from './store-keys.ts';
import { encodeStored, sameValue, withoutRevision } from './stored-bytes.ts';
import { factsOf, StoredItem } from './stored-item.ts';
import type {
  CachedItem,
  CachedList,
  CacheListOptions,
  CacheWatchOptions,
  ItemFilter,
  ItemTarget,
  ResourceCache,
  WatchCursor,
} from './watch-cache.ts';

/** What one resource needs of the whole cache. */
export interface CacheCore {
  readonly store: Store;
  readonly revision: number;
  /** Resolves once everything up to `revision` is applied; at once when it is. False after `timeoutMs`. */
  applied(revision: number, timeoutMs?: number): Promise<boolean> | true;
  /** A lease of about that long, shared by writes of the same time. */
  leaseFor(ttlSeconds: number): Promise<number>;
  /** Events of one resource from the store's log: those after `after` up to `to`. Undefined when they are gone or too many. */
  history(range: { prefix: string; after: number; to: number }): Promise<readonly StoreEvent[] | undefined>;
}

/** How long a read waits for a resourceVersion that is not there yet; upstream's bound. */
const FRESHNESS_WAIT_MS = 3000;
const SCAN_PAGE = 500;
/** From so many watchers on they are woken together. */
const MANY_CURSORS = 32;
/** A round costs about 20 µs a watcher: with this between rounds, events that come without pause leave most of the time to requests. */
const WAKE_MS_PER_CURSOR = 0.16;
const LONGEST_WAKE_MS = 25;

export class StoredResource implements ResourceCache, CursorHome {
  readonly kind: Kind;
  readonly prefix: string;
  readonly #core: CacheCore;
  readonly #table = new ItemTable();
  readonly #cursors = new Set<RingCursor>();
  /** Objects of writes under way, by the very bytes that were given to the store: spares parsing them when they come back. */
  readonly #given = new WeakMap<Uint8Array, KubeObject>();
  /** Undefined until loaded. */
  #ring: EventRing | undefined;
  #loading: Promise<void> | undefined;
  /** Events that came while loading. */
  #early: StoreEvent[] = [];
  #lastChange = 0;
  #extending: Promise<void> | undefined;
  #lastWake = 0;
  #wakeTimer: NodeJS.Timeout | undefined;
  /** Someone in this process reads objects: writers' objects are kept for them. */
  #hasObjectReaders = false;

  constructor(kind: Kind, core: CacheCore) {
    this.kind = kind;
    this.prefix = storePrefix(kind);
    this.#core = core;
  }

  get ring(): EventRing {
    if (!this.#ring) throw new Error(`${this.prefix} is not loaded`);
    return this.#ring;
  }

  get revision(): number {
    return Math.max(this.#core.revision, this.#ring?.start ?? 0);
  }

  async get(target: ItemTarget): Promise<CachedItem | undefined> {
    await this.#fresh();
    return this.#table.get(itemKey(target));
  }

  items(filter: ItemFilter = {}): readonly CachedItem[] {
    return this.#table.select(filter);
  }

  async ownedBy(uid: string): Promise<readonly CachedItem[]> {
    await this.#fresh();
    return this.#table.ownedBy(uid);
  }

  async list(options: CacheListOptions = {}): Promise<CachedList> {
    await this.#fresh();
    if (options.continue) return this.#continued(options, options.continue);
    const wanted = parseResourceVersion(options.resourceVersion);
    if (wanted) {
      if (!(await this.#core.applied(wanted, FRESHNESS_WAIT_MS))) throw tooLargeResourceVersion(wanted, this.revision);
      if (options.resourceVersionMatch === 'Exact') return this.#listAt({ options, revision: wanted, after: '' });
    }
    return this.#page({ options, revision: this.revision, after: '' });
  }

  async watch(options: CacheWatchOptions = {}): Promise<WatchCursor> {
    await this.#fresh();
    const wanted = parseResourceVersion(options.resourceVersion);
    const fromNow = !wanted || options.sendInitialEvents;
    if (wanted && !fromNow && wanted < this.ring.start) await this.#extendBack(wanted);
    if (wanted && fromNow && !(await this.#core.applied(wanted, FRESHNESS_WAIT_MS))) throw tooLargeResourceVersion(wanted, this.revision);
    // Without a revision every watch begins with what is there, unless the client says that it wants none of it.
    const withInitial = fromNow && options.sendInitialEvents !== false;
    const cursor = new RingCursor({
      home: this,
      matches: filterFunction(options),
      sharedAs: options.labels || options.fields?.length ? undefined : (options.namespace ?? ''),
      revision: fromNow ? this.revision : wanted,
      onBatches: () => {
        this.#hasObjectReaders = true;
      },
      initial: withInitial ? this.#table.select(options) : [],
      marksInitialEnd: options.sendInitialEvents === true,
    });
    this.#cursors.add(cursor);
    return cursor;
  }

  async create(target: ItemTarget, object: KubeObject, options: { ttlSeconds?: number } = {}): Promise<CachedItem> {
    await this.#ready();
    const value = encodeStored(object);
    this.#given.set(value, object);
    const leaseId = options.ttlSeconds ? await this.#core.leaseFor(options.ttlSeconds) : 0;
    const key = itemKey(target);
    const revision = await this.#core.store.create(this.prefix + key, value, leaseId ? { leaseId } : undefined);
    return (await this.#written(revision)) ?? new StoredItem({ kind: this.kind, key, value, revision });
  }

  async update(old: CachedItem, object: KubeObject): Promise<CachedItem> {
    await this.#ready();
    const value = encodeStored(object);
    const key = itemKey(old);
    if (old instanceof StoredItem && this.#table.get(key) === old && sameValue(value, old.stored)) return old;
    this.#given.set(value, object);
    const revision = await this.#core.store.update(this.prefix + key, value, { ifRevision: old.revision });
    return (await this.#written(revision)) ?? new StoredItem({ kind: this.kind, key, value, revision });
  }

  async delete(old: CachedItem): Promise<CachedItem> {
    await this.#ready();
    const key = itemKey(old);
    const { revision, previous } = await this.#core.store.delete(this.prefix + key, { ifRevision: old.revision });
    return (await this.#written(revision)) ?? new StoredItem({ kind: this.kind, key, value: previous.value, revision });
  }

  /** One committed event of this resource; events come in order. */
  apply(event: StoreEvent): void {
    if (!this.#ring) {
      if (this.#loading) this.#early.push(event);
      return;
    }
    if (event.revision <= this.#lastChange) return;
    const change = this.#changeOf(event, this.#table.get(event.key.slice(this.prefix.length)));
    if (change.isDeletion) this.#table.remove(change.item.key);
    else this.#table.set(change.item);
    this.#lastChange = event.revision;
    this.#ring.push(change);
  }

  /**
   * After a batch of events. Many watchers over the network are woken at most every few milliseconds, the more of them the less often:
   * writing to each costs far more than the events, and what came meanwhile goes out in one piece. The first event after a pause goes
   * out at once.
   */
  wakeCursors(): void {
    const now = performance.now();
    const interval = Math.min(this.#cursors.size * WAKE_MS_PER_CURSOR, LONGEST_WAKE_MS);
    const wait = this.#cursors.size < MANY_CURSORS ? 0 : this.#lastWake + interval - now;
    if (wait <= 0) {
      this.#lastWake = now;
      for (const cursor of this.#cursors) cursor.wake();
      return;
    }
    for (const cursor of this.#cursors) if (cursor.isLocal) cursor.wake();
    this.#wakeTimer ??= setTimeout(() => {
      this.#wakeTimer = undefined;
      this.#lastWake = performance.now();
      for (const cursor of this.#cursors) cursor.wake();
    }, wait);
  }

  leave(cursor: RingCursor): void {
    this.#cursors.delete(cursor);
  }

  closeCursors(): void {
    clearTimeout(this.#wakeTimer);
    this.#wakeTimer = undefined;
    for (const cursor of [...this.#cursors]) cursor.close();
  }

  #changeOf(event: StoreEvent, previous: StoredItem | undefined): RingEvent {
    const isDeletion = event.type === 'delete';
    const object = this.#given.get(event.value);
    // The store keeps the bytes of recent events, and this would keep the objects with them.
    this.#given.delete(event.value);
    const item = new StoredItem({
      kind: this.kind,
      key: event.key.slice(this.prefix.length),
      value: event.value,
      revision: event.revision,
      facts: object ? factsOf(this.kind, object) : isDeletion ? previous?.facts : undefined,
    });
    if (object && this.#hasObjectReaders) item.adopt(object);
    return new RingEvent({ item, previous, isDeletion, asOf: (other, revision) => this.#asOf(other, revision) });
  }

  #asOf(item: StoredItem, revision: number): StoredItem {
    return new StoredItem({ kind: this.kind, key: item.key, value: withoutRevision(item.stored), revision, facts: item.facts });
  }

  #ready(): Promise<void> | undefined {
    if (this.#ring) return undefined;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Loaded, and showing every write that the store has acknowledged. */
  async #fresh(): Promise<void> {
    if (!this.#ring) await this.#ready();
    const { store, revision } = this.#core;
    if (store.revision > revision) await this.#core.applied(store.revision);
  }

  async #load(): Promise<void> {
    this.#early = [];
    const { items, revision } = await this.#core.store.list({ prefix: this.prefix });
    for (const item of items) this.#table.set(this.#itemFrom(item));
    this.#lastChange = revision;
    this.#ring = new EventRing(revision);
    for (const event of this.#early) this.apply(event);
    this.#early = [];
  }

  #itemFrom(item: { key: string; value: Uint8Array; revision: number }): StoredItem {
    return new StoredItem({ kind: this.kind, key: item.key.slice(this.prefix.length), value: item.value, revision: item.revision });
  }

  /** The version that our write made, once reads show it. */
  async #written(revision: number): Promise<StoredItem | undefined> {
    const applied = this.#core.applied(revision);
    if (applied !== true) await applied;
    return this.#ring?.find(revision)?.item;
  }

  #page(options: { options: CacheListOptions; revision: number; after: string }): CachedList {
    const { limit = 0 } = options.options;
    const hasSelector = options.options.labels !== undefined || (options.options.fields?.length ?? 0) > 0;
    const found = this.#table.select(options.options, { after: options.after, limit: limit > 0 ? limit + 1 : 0 });
    const isCut = limit > 0 && found.length > limit;
    const items = isCut ? found.slice(0, limit) : found;
    const resourceVersion = String(options.revision);
    const last = items.at(-1);
    if (!isCut || !last) return { items, resourceVersion };
    return {
      items,
      resourceVersion,
      continue: encodeContinue({ revision: options.revision, after: last.key }),
      ...(hasSelector ? {} : { remainingItemCount: this.#table.countAfter(last.key, options.options.namespace ?? '') }),
    };
  }

  #continued(options: CacheListOptions, token: string): CachedList | Promise<CachedList> {
    const { revision, after } = decodeContinue(token);
    if (revision === 0) return this.#page({ options, revision: this.revision, after });
    return this.#listAt({ options, revision, after });
  }

  /** The list as it was: from the table when nothing has changed since, else from the store's history. */
  #listAt(at: { options: CacheListOptions; revision: number; after: string }): CachedList | Promise<CachedList> {
    if (at.revision >= this.revision) return this.#page(at);
    return at.revision >= this.#lastChange ? this.#unchangedPage(at) : this.#pageOfThePast(at);
  }

  /** A token has its time, whatever has become of what it lists: clients must not come to rely on a quiet resource. */
  async #unchangedPage(at: { options: CacheListOptions; revision: number; after: string }): Promise<CachedList> {
    const { compactedRevision } = await this.#core.store.status();
    if (at.revision < compactedRevision) throw tooOld(at);
    return this.#page(at);
  }

  async #pageOfThePast(at: { options: CacheListOptions; revision: number; after: string }): Promise<CachedList> {
    const { options, revision } = at;
    const limit = options.limit && options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY;
    const matches = filterFunction(options);
    const resourceVersion = String(revision);
    const items: StoredItem[] = [];
    let { after } = at;
    for (;;) {
      const page = await this.#core.store
        .list({ prefix: this.prefix, after: this.prefix + after, limit: SCAN_PAGE, revision })
        .catch((error: unknown) => {
          if (!(error instanceof StoreError) || error.kind !== 'Compacted') throw error;
          throw tooOld(at);
        });
      for (const stored of page.items) {
        const item = this.#itemFrom(stored);
        if (!matches(item)) continue;
        const last = items.at(-1);
        if (items.length >= limit && last) return { items, resourceVersion, continue: encodeContinue({ revision, after: last.key }) };
        items.push(item);
      }
      const last = page.items.at(-1);
      if (!page.more || !last) return { items, resourceVersion };
      after = last.key.slice(this.prefix.length);
    }
  }

  /** Takes up the history that the ring lacks, so that a client can go on where it was before the server was restarted. */
  async #extendBack(revision: number): Promise<void> {
    while (this.#extending) await this.#extending;
    if (revision >= this.ring.start) return;
    this.#extending = this.#readHistory(revision).finally(() => {
      this.#extending = undefined;
    });
    return this.#extending;
  }

  async #readHistory(revision: number): Promise<void> {
    const { start } = this.ring;
    const tooOld = expired(`too old resource version: ${revision} (${start})`);
    const { store } = this.#core;
    const events = await this.#core.history({ prefix: this.prefix, after: revision, to: start });
    if (!events) throw tooOld;
    const then = await store.list({ prefix: this.prefix, revision }).catch((error: unknown) => {
      if (error instanceof StoreError && error.kind === 'Compacted') throw tooOld;
      throw error;
    });
    const items = new Map(then.items.map((item) => [item.key, this.#itemFrom(item)]));
    const changes = events.map((event) => {
      const change = this.#changeOf(event, items.get(event.key));
      if (change.isDeletion) items.delete(event.key);
      else items.set(event.key, change.item);
      return change;
    });
    // The ring may have moved on meanwhile: then what lies between is missing, and the client lists again.
    if (this.ring.start !== start) throw tooOld;
    this.ring.extendBack(changes, revision);
  }
}

const tooOld = ({ options, after }: { options: CacheListOptions; after: string }): StatusError =>
  options.continue ? continueExpired(after) : listExpired();
