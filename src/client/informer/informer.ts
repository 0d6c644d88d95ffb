import { type KubeObject, keyOf, type ResourceName, type Stored } from '../../api/meta/object.ts';
import { hasReason } from '../../api/meta/status.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../client.ts';
import { deepFreeze } from './freeze.ts';
import { type IndexFunction, ObjectCache } from './object-cache.ts';

/**
 * A read-only copy of one resource that follows the API server: list, then watch from there; a broken watch resumes at the last
 * revision seen (bookmarks count), and an expired one lists again and tells the handlers the difference.
 *
 * What it returns may be stale: it shows a past state of the server, never a mixture, and each object only moves forward.
 * A decision that must not be taken twice needs a guard of its own (resourceVersion, uid precondition, expectations).
 *
 *   new --start()--> listing --> watching --(closed, error: back-off)--> watching
 *                       ^------------- Expired --------------------------'
 */
export interface Informer<T> extends InformerReads<T> {
  /** Idempotent. */
  start(): void;
  /** Ends the watch; the cache stays as it is. */
  stop(): Promise<void>;
}

/** What users of a shared informer may do. Objects are frozen. */
export interface InformerReads<T> {
  readonly resource: ResourceName;
  /** Resolves once the first list is in the cache and its handlers have run. */
  readonly synced: Promise<void>;
  readonly hasSynced: boolean;
  /** By `namespace/name`, or `name`. */
  get(key: string): Stored<T> | undefined;
  list(): readonly Stored<T>[];
  addIndex(name: string, of: IndexFunction<T>): void;
  /** Throws RangeError for an index that was not added. */
  byIndex(name: string, value: string): readonly Stored<T>[];
  /** Objects that are there already come as `add` at once. Handlers are synchronous and quick; what they throw is logged. */
  addHandler(handler: InformerHandler<T>): () => void;
}

export interface InformerHandler<T> {
  add?(object: Stored<T>): void;
  update?(object: Stored<T>, old: Stored<T>): void;
  /** The last state known. */
  delete?(object: Stored<T>): void;
}

export interface InformerOptions {
  client: Client;
  resource: ResourceName;
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  log: Logger;
  /** In [0, 1); spreads retries and watch ends. */
  random?: () => number;
  /** First and longest wait after a failure. */
  backoffMs?: readonly [first: number, longest: number];
}

export const createInformer = <T = KubeObject>(options: InformerOptions): Informer<T> => new ListWatchInformer<T>(options);

class ListWatchInformer<T> implements Informer<T> {
  readonly resource: ResourceName;
  readonly synced: Promise<void>;
  hasSynced = false;
  readonly #options: InformerOptions;
  readonly #cache = new ObjectCache<T>();
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #abort = new AbortController();
  readonly #markSynced: () => void;
  #running: Promise<void> | undefined;
  /** Where the next watch begins; undefined when a list is due. */
  #resourceVersion: string | undefined;
  #failures = 0;

  constructor(options: InformerOptions) {
    this.#options = options;
    this.resource = options.resource;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  get(key: string): Stored<T> | undefined {
    return this.#cache.get(key);
  }

  list(): readonly Stored<T>[] {
    return this.#cache.list();
  }

  addIndex(name: string, of: IndexFunction<T>): void {
    this.#cache.addIndex(name, of);
  }

  byIndex(name: string, value: string): readonly Stored<T>[] {
    return this.#cache.byIndex(name, value);
  }

  addHandler(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#cache.list()) this.#tell(handler, () => handler.add?.(object));
    return () => this.#handlers.delete(handler);
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#relist();
        await this.#follow();
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (hasReason(error, 'Expired') || hasReason(error, 'Gone')) {
          this.#resourceVersion = undefined;
          this.#options.log.debug('watch expired, listing again', { resource: this.resource.plural });
          // The first time at once; a server that keeps answering so is given time.
          if (this.#failures === 0) {
            this.#failures = 1;
            continue;
          }
        } else {
          this.#options.log.debug('informer failed and tries again', { resource: this.resource.plural, error });
        }
        this.#failures += 1;
        await this.#backOff(signal);
      }
    }
  }

  async #relist(): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector } = this.#options;
    const { signal } = this.#abort;
    // "Any version" is cheap for the server, but after an expiry it might be the same old state again.
    let resourceVersion: string | undefined = this.hasSynced ? undefined : '0';
    const seen = new Set<string>();
    const items: Stored<T>[] = [];
    let next = '';
    do {
      const page = await client.list<Stored<T>>(resource, {
        namespace,
        labelSelector,
        fieldSelector,
        limit: PAGE_SIZE,
        ...(next ? { continue: next } : { resourceVersion }),
        signal,
      });
      for (const item of page.items) items.push(item);
      next = page.metadata.continue ?? '';
      resourceVersion = page.metadata.resourceVersion ?? '';
    } while (next);
    for (const item of items) {
      seen.add(keyOf(item));
      this.#store(item);
    }
    for (const key of this.#cache.keys()) if (!seen.has(key)) this.#remove(key);
    this.#resourceVersion = resourceVersion;
    this.#failures = 0;
    if (!this.hasSynced) {
      this.hasSynced = true;
      this.#markSynced();
    }
  }

  async #follow(): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector, random = Math.random } = this.#options;
    const began = performance.now();
    const events = client.watch(resource, {
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion: this.#resourceVersion ?? '',
      allowBookmarks: true,
      timeoutSeconds: Math.round(300 + 300 * random()),
      signal: this.#abort.signal,
    });
    for await (const event of events) {
      const object = event.object as Stored<T>;
      if (event.type === 'DELETED') this.#remove(keyOf(object), object);
      else if (event.type !== 'BOOKMARK') this.#store(object);
      this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
      this.#failures = 0;
    }
    // A server that ends watches at once would otherwise be asked without pause.
    if (performance.now() - began < 1000) await this.#backOff(this.#abort.signal);
  }

  #store(raw: Stored<T>): void {
    const known = this.#cache.get(keyOf(raw));
    if (known && known.metadata.resourceVersion === raw.metadata.resourceVersion && known.metadata.uid === raw.metadata.uid) return;
    const object = deepFreeze(raw);
    this.#cache.set(object);
    for (const handler of this.#handlers) {
      if (!known) this.#tell(handler, () => handler.add?.(object));
      else if (known.metadata.uid === object.metadata.uid) this.#tell(handler, () => handler.update?.(object, known));
      else {
        // Deleted and made again while nobody looked: two objects, not a change of one.
        this.#tell(handler, () => handler.delete?.(known));
        this.#tell(handler, () => handler.add?.(object));
      }
    }
  }

  #remove(key: string, last?: Stored<T>): void {
    const known = this.#cache.delete(key);
    const object = last ? deepFreeze(last) : known;
    if (!object || !known) return;
    for (const handler of this.#handlers) this.#tell(handler, () => handler.delete?.(object));
  }

  #tell(_handler: InformerHandler<T>, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.log.error('a handler of an informer threw', { resource: this.resource.plural, error });
    }
  }

  async #backOff(signal: AbortSignal): Promise<void> {
    const { random = Math.random, backoffMs = [100, 10_000] } = this.#options;
    const longest = Math.min(backoffMs[0] * 2 ** Math.min(this.#failures, 20), backoffMs[1]);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, longest * (0.5 + 0.5 * random()));
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

const PAGE_SIZE = 500;
