import { LeaseClock } from '../lease-clock.ts';
import {
  type ListOptions,
  type Store,
  StoreError,
  type StoreEvent,
  type StoreItem,
  type StoreList,
  type StoreStatus,
  type WatchOptions,
} from '../store.ts';
import { WatchHub } from '../watch-hub.ts';

/** A store that lives and dies with its process: for tests and throw-away clusters. */
export const createMemoryStore = (): Store => new MemoryStore();

interface LogEntry {
  event: StoreEvent;
  /** What the event replaced. */
  previous: StoreItem | undefined;
}

/** Older events are forgotten by themselves. */
const MAX_LOG = 50_000;

class MemoryStore implements Store {
  readonly #items = new Map<string, StoreItem>();
  /** Keys in order; undefined after a key came or went. */
  #sortedKeys: string[] | undefined;
  #log: LogEntry[] = [];
  #compacted = 0;
  readonly #leaseOf = new Map<string, number>();
  #lastLease = 0;
  #closed = false;
  readonly #leases = new LeaseClock({ expire: (id) => void this.revokeLease(id) });
  readonly #hub = new WatchHub({ revision: 1, history: { read: async (range) => this.#history(range) } });

  get revision(): number {
    return this.#hub.revision;
  }

  async get(key: string): Promise<StoreItem | undefined> {
    this.#assertOpen();
    return this.#items.get(key);
  }

  async list(options: ListOptions): Promise<StoreList> {
    this.#assertOpen();
    const { prefix, after = '', limit = 0, revision = this.revision } = options;
    if (revision > this.revision)
      throw new StoreError('FutureRevision', `revision ${revision} is not there yet, the newest is ${this.revision}`);
    this.#assertKept(revision);
    const then = revision === this.revision ? undefined : this.#changedSince(revision);
    const keys = then ? inOrder([...new Set([...this.#items.keys(), ...then.keys()])]) : this.#keys();
    const items: StoreItem[] = [];
    for (const key of keys) {
      if (!key.startsWith(prefix) || compareKeys(key, after) <= 0) continue;
      const item = then?.has(key) ? then.get(key) : this.#items.get(key);
      if (!item) continue;
      if (limit > 0 && items.length === limit) return { items, revision, more: true };
      items.push(item);
    }
    return { items, revision, more: false };
  }

  async create(key: string, value: Uint8Array, options: { leaseId?: number } = {}): Promise<number> {
    this.#assertOpen();
    const current = this.#items.get(key);
    if (current) throw new StoreError('KeyExists', `key ${key} exists at revision ${current.revision}`, current);
    this.#attach(key, options.leaseId);
    const revision = this.revision + 1;
    return this.#put({ type: 'create', key, value, revision, createRevision: revision });
  }

  async update(key: string, value: Uint8Array, options: { ifRevision: number; leaseId?: number }): Promise<number> {
    const { createRevision } = this.#expect(key, options.ifRevision);
    this.#attach(key, options.leaseId);
    return this.#put({ type: 'update', key, value, revision: this.revision + 1, createRevision });
  }

  async delete(key: string, options: { ifRevision?: number } = {}): Promise<{ revision: number; previous: StoreItem }> {
    const previous = this.#expect(key, options.ifRevision);
    return { revision: this.#remove(previous), previous };
  }

  watch(options: WatchOptions): AsyncIterable<readonly StoreEvent[]> {
    this.#assertOpen();
    return this.#hub.watch(options);
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    if (revision > this.revision)
      throw new StoreError('FutureRevision', `revision ${revision} is not there yet, the newest is ${this.revision}`);
    this.#forgetBefore(revision);
  }

  async grantLease(ttlSeconds: number): Promise<number> {
    this.#assertOpen();
    this.#lastLease += 1;
    this.#leases.add(this.#lastLease, ttlSeconds);
    return this.#lastLease;
  }

  async renewLease(leaseId: number): Promise<void> {
    this.#assertOpen();
    if (!this.#leases.renew(leaseId)) throw new StoreError('LeaseNotFound', `no lease ${leaseId}`);
  }

  async revokeLease(leaseId: number): Promise<void> {
    this.#assertOpen();
    if (!this.#leases.has(leaseId)) throw new StoreError('LeaseNotFound', `no lease ${leaseId}`);
    this.#leases.remove(leaseId);
    for (const [key, lease] of [...this.#leaseOf]) {
      const item = lease === leaseId ? this.#items.get(key) : undefined;
      if (item) this.#remove(item);
    }
  }

  async status(): Promise<StoreStatus> {
    this.#assertOpen();
    let sizeBytes = 0;
    for (const item of this.#items.values()) sizeBytes += item.value.length;
    return { sizeBytes, compactedRevision: this.#compacted, writable: true };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#leases.stop();
    this.#hub.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('StoreClosed', 'the store is closed');
  }

  #assertKept(revision: number): void {
    if (revision < this.#compacted) throw new StoreError('Compacted', `revision ${revision} is gone, history begins at ${this.#compacted}`);
  }

  #expect(key: string, ifRevision: number | undefined): StoreItem {
    this.#assertOpen();
    const current = this.#items.get(key);
    if (!current) throw new StoreError('KeyNotFound', `no key ${key}`);
    if (ifRevision !== undefined && current.revision !== ifRevision)
      throw new StoreError('RevisionMismatch', `key ${key} is at revision ${current.revision}, not ${ifRevision}`, current);
    return current;
  }

  #attach(key: string, leaseId: number | undefined): void {
    if (leaseId === undefined) return;
    if (leaseId !== 0 && !this.#leases.has(leaseId)) throw new StoreError('LeaseNotFound', `no lease ${leaseId}`);
    if (leaseId === 0) this.#leaseOf.delete(key);
    else this.#leaseOf.set(key, leaseId);
  }

  #put(event: StoreEvent): number {
    const { key, value, revision, createRevision } = event;
    const previous = this.#items.get(key);
    if (!previous) this.#sortedKeys = undefined;
    this.#items.set(key, { key, value, revision, createRevision });
    return this.#append({ event, previous });
  }

  #remove(previous: StoreItem): number {
    const { key, value, createRevision } = previous;
    this.#items.delete(key);
    this.#leaseOf.delete(key);
    this.#sortedKeys = undefined;
    return this.#append({ event: { type: 'delete', key, value, revision: this.revision + 1, createRevision }, previous });
  }

  #append(entry: LogEntry): number {
    this.#log.push(entry);
    this.#hub.publish([entry.event]);
    if (this.#log.length >= 2 * MAX_LOG) this.#forgetBefore(entry.event.revision - MAX_LOG);
    return entry.event.revision;
  }

  #forgetBefore(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
    this.#log = this.#log.filter(({ event }) => event.revision >= revision);
    this.#hub.forget(revision);
  }

  #history(range: { from: number; to: number; limit: number }): StoreEvent[] {
    this.#assertKept(range.from);
    const wanted = this.#log.filter(({ event }) => event.revision >= range.from && event.revision <= range.to);
    return wanted.slice(0, range.limit).map(({ event }) => event);
  }

  /** What each key that changed after `revision` was then. */
  #changedSince(revision: number): Map<string, StoreItem | undefined> {
    const then = new Map<string, StoreItem | undefined>();
    for (const { event, previous } of this.#log) if (event.revision > revision && !then.has(event.key)) then.set(event.key, previous);
    return then;
  }

  #keys(): string[] {
    this.#sortedKeys ??= inOrder([...this.#items.keys()]);
    return this.#sortedKeys;
  }
}

/** By their bytes, as SQLite and etcd order them: JavaScript's own order differs beyond the basic plane. */
const compareKeys = (left: string, right: string): number =>
  HAS_SURROGATE.test(left) || HAS_SURROGATE.test(right)
    ? Buffer.compare(Buffer.from(left), Buffer.from(right))
    : left < right
      ? -1
      : left > right
        ? 1
        : 0;

const HAS_SURROGATE = /[\ud800-\udfff]/;

const inOrder = (keys: string[]): string[] => keys.sort(compareKeys);
