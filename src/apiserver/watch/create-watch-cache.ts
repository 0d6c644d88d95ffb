import type { Kind } from '../../api/kind.ts';
import type { Logger } from '../../base/log/logger.ts';
import { type Store, StoreError, type StoreEvent } from '../../store/store.ts';
import { STORE_ROOT } from './store-keys.ts';
import { type CacheCore, StoredResource } from './stored-resource.ts';
import type { ResourceCache, WatchCache } from './watch-cache.ts';

export const createWatchCache = (options: { store: Store; log: Logger; now?: () => number }): WatchCache => new StoreWatchCache(options);

/** Events of before a restart that are read for one resource; a client that lacks more lists again. */
const MAX_HISTORY = 5000;
/** Writes within this time share a lease, and live that much longer. */
const LEASE_SHARED_MS = 60_000;

class StoreWatchCache implements WatchCache, CacheCore {
  readonly store: Store;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #resources = new Map<string, StoredResource>();
  readonly #leases = new Map<number, { id: Promise<number>; until: number }>();
  readonly #stop = new AbortController();
  #waiting: { revision: number; resolve: (applied: boolean) => void }[] = [];
  #revision = 0;
  #following: Promise<void> | undefined;

  constructor(options: { store: Store; log: Logger; now?: () => number }) {
    this.store = options.store;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
  }

  get revision(): number {
    return this.#revision;
  }

  async start(): Promise<void> {
    this.#revision = this.store.revision;
    this.#following = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const resource of this.#resources.values()) resource.closeCursors();
    await this.#following;
    for (const { resolve } of this.#waiting) resolve(false);
    this.#waiting = [];
  }

  resource(kind: Kind): ResourceCache {
    const id = `${kind.group || 'core'}/${kind.plural}`;
    let resource = this.#resources.get(id);
    if (!resource) {
      resource = new StoredResource(kind, this);
      this.#resources.set(id, resource);
    }
    return resource;
  }

  forget(kind: Kind): void {
    const id = `${kind.group || 'core'}/${kind.plural}`;
    this.#resources.get(id)?.closeCursors();
    this.#resources.delete(id);
  }

  applied(revision: number, timeoutMs?: number): Promise<boolean> | true {
    if (this.#revision >= revision) return true;
    return new Promise((resolve) => {
      const waiter = { revision, resolve };
      this.#waiting.push(waiter);
      if (timeoutMs === undefined) return;
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        resolve(false);
      }, timeoutMs);
      waiter.resolve = (applied) => {
        clearTimeout(timer);
        resolve(applied);
      };
    });
  }

  leaseFor(ttlSeconds: number): Promise<number> {
    const now = this.#now();
    const known = this.#leases.get(ttlSeconds);
    if (known && known.until > now) return known.id;
    const id = this.store.grantLease(ttlSeconds + LEASE_SHARED_MS / 1000);
    this.#leases.set(ttlSeconds, { id, until: now + LEASE_SHARED_MS });
    // One that could not be granted (full disk) is asked for again by the next write.
    id.catch(() => this.#leases.delete(ttlSeconds));
    return id;
  }

  async history(range: { prefix: string; after: number; to: number }): Promise<readonly StoreEvent[] | undefined> {
    const stop = new AbortController();
    const events: StoreEvent[] = [];
    try {
      // Every revision is an event of some resource, so the one of `to` comes for certain and ends the reading.
      for await (const batch of this.store.watch({ prefix: STORE_ROOT, fromRevision: range.after + 1, signal: stop.signal })) {
        for (const event of batch) if (event.revision <= range.to && event.key.startsWith(range.prefix)) events.push(event);
        if ((batch.at(-1)?.revision ?? 0) >= range.to) return events;
        if (events.length > MAX_HISTORY) return undefined;
      }
      return undefined;
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'Compacted') return undefined;
      throw error;
    } finally {
      stop.abort();
    }
  }

  async #follow(): Promise<void> {
    try {
      for await (const events of this.store.watch({ prefix: STORE_ROOT, fromRevision: this.#revision + 1, signal: this.#stop.signal }))
        this.#apply(events);
    } catch (error) {
      // Cannot happen while the store lives: the cache reads faster than any history is compacted.
      this.#log.error('the watch cache lost the store', { error });
      for (const resource of this.#resources.values()) resource.closeCursors();
    }
  }

  #apply(events: readonly StoreEvent[]): void {
    const touched = new Set<StoredResource>();
    for (const event of events) {
      const resource = this.#resources.get(resourceOf(event.key));
      this.#revision = event.revision;
      if (!resource) continue;
      resource.apply(event);
      touched.add(resource);
    }
    const { revision } = this;
    const [ready, waiting] = [
      this.#waiting.filter((waiter) => waiter.revision <= revision),
      this.#waiting.filter((waiter) => waiter.revision > revision),
    ];
    this.#waiting = waiting;
    for (const { resolve } of ready) resolve(true);
    for (const resource of touched) resource.wakeCursors();
  }
}

/** `/registry/apps/deployments/default/web` -> `apps/deployments` */
const resourceOf = (key: string): string => {
  const group = key.indexOf('/', STORE_ROOT.length);
  const plural = key.indexOf('/', group + 1);
  return key.slice(STORE_ROOT.length, plural);
};
