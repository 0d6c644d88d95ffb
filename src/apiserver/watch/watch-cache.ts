import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';

/**
 * The contract of the watch cache: the only road from the API server to the store. Per resource it holds the stored bytes (with
 * `metadata.resourceVersion` already in them) and the few fields that lists and watches select by. Bytes go out as they are:
 * nothing is parsed or printed to answer a get, a list or a watch.
 *
 * Reads see every write whose promise has resolved, also writes by others of this process. Errors: `StoreError` from writes (the
 * registry turns them into a Status), `StatusError` from reads: 410 Expired, 504 for a resourceVersion of the future, 400 for a
 * bad resourceVersion or continue token. Made by `createWatchCache` (create-watch-cache.ts).
 */
export interface WatchCache {
  /** Begins to follow the store. Resources load when they are first used. */
  start(): Promise<void>;
  /** Ends every cursor. The store stays open. */
  stop(): Promise<void>;
  /** The newest revision that every loaded resource shows: what a list or a bookmark carries. */
  readonly revision: number;
  /**
   * The cache of one resource; the same one for every call with the same group and plural. `kind` must be the one of the version
   * that is stored: its `selectableFields` are the fields that can be selected by. Who serves another version converts.
   */
  resource(kind: Kind): ResourceCache;
  /** For a custom resource that is no longer served: ends its cursors and drops its cache. Stored objects stay. */
  forget(kind: Kind): void;
}

export interface ResourceCache {
  readonly kind: Kind;
  /** The current object, or undefined. */
  get(target: ItemTarget): Promise<CachedItem | undefined>;
  list(options?: CacheListOptions): Promise<CachedList>;
  watch(options?: CacheWatchOptions): Promise<WatchCursor>;
  /** Every current item in the order of its key, without waiting: for counting quotas and the like. Empty before the first use of `get`/`list`/`watch`. */
  items(filter?: ItemFilter): readonly CachedItem[];
  /** Current items that have an owner reference to this uid. */
  ownedBy(uid: string): Promise<readonly CachedItem[]>;
  /**
   * Writes and resolves once the write is durable and every read shows it. The object is given away: it must not be changed
   * afterwards. `metadata.resourceVersion` in it is ignored. With `ttlSeconds` the object goes by itself after about that time.
   * Throws `StoreError` KeyExists, StoreFull.
   */
  create(target: ItemTarget, object: KubeObject, options?: { ttlSeconds?: number }): Promise<CachedItem>;
  /**
   * Replaces exactly the version `old`. Resolves to `old` itself, without a write, when nothing differs but the order of fields
   * written by the caller. Throws `StoreError` RevisionMismatch, KeyNotFound, StoreFull.
   */
  update(old: CachedItem, object: KubeObject): Promise<CachedItem>;
  /** Removes exactly the version `old`. Resolves to the object as it was, with the resourceVersion of its deletion. */
  delete(old: CachedItem): Promise<CachedItem>;
}

/** `namespace` is left out (or '') for what lives in none. */
export interface ItemTarget {
  namespace?: string | undefined;
  name: string;
}

/** One version of one object. Immutable. */
export interface CachedItem {
  readonly namespace: string;
  readonly name: string;
  /** The number behind `metadata.resourceVersion`. */
  readonly revision: number;
  /** The whole object as JSON: `{"kind":..,"apiVersion":..,"metadata":{"resourceVersion":"7",...`. Never write into it. */
  readonly bytes: Buffer;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Parsed on first use and deeply frozen; shared by everyone in the process. */
  readonly object: KubeObject;
  /** A fresh copy that may be changed (for an update). */
  parse(): KubeObject;
  /** The value of a selectable field, '' where the kind does not know it. */
  field(name: string): string;
}

/** What a selector selects. Everything given must hold. */
export interface ItemFilter {
  namespace?: string | undefined;
  labels?: LabelFilter | undefined;
  /** From a field selector, already split: `metadata.name=web,spec.nodeName!=n1`. Names were checked by the caller. */
  fields?: readonly FieldRequirement[] | undefined;
}

/** A parsed label selector. `equals` names requirements of the form key = one of values, which an index answers. */
export interface LabelFilter {
  matches(labels: Readonly<Record<string, string>>): boolean;
  readonly equals?: readonly { key: string; values: readonly string[] }[];
  /** All of them: where `equals` is the whole selector, nothing more is asked of what the index finds. */
  readonly requirements?: readonly unknown[];
}

export interface FieldRequirement {
  name: string;
  operator: '=' | '!=';
  value: string;
}

export interface CacheListOptions extends ItemFilter {
  /** As in the query: '' or absent = most recent, '0' = anything, N = at least N, or exactly N with `Exact`. */
  resourceVersion?: string | undefined;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined;
  /** 0 or absent: no limit. */
  limit?: number | undefined;
  /** The token of the page before. */
  continue?: string | undefined;
}

export interface CachedList {
  /** In the order of their keys. */
  readonly items: readonly CachedItem[];
  /** For `metadata.resourceVersion` of the list. */
  readonly resourceVersion: string;
  /** For `metadata.continue`; absent on the last page. */
  readonly continue?: string;
  /** Absent when a selector was given or nothing remains, as upstream has it. */
  readonly remainingItemCount?: number;
}

export interface CacheWatchOptions extends ItemFilter {
  /**
   * N: events after N. '' or '0' or absent: first an ADDED for each current object, then events. Throws 410 Expired when N is
   * older than the history that is kept.
   */
  resourceVersion?: string | undefined;
  /** Sends the current objects first, also with a resourceVersion, then a bookmark annotated `k8s.io/initial-events-end`. */
  sendInitialEvents?: boolean | undefined;
}

/**
 * A watcher's place in the shared ring of events. It buffers nothing: a watcher that does not read is parked, costs nothing and
 * delays nobody. One that falls behind what the ring keeps gets 410, and its client lists again.
 */
export interface WatchCursor {
  /**
   * What has happened since the last call, at most about `maxBytes` (default 1 MiB) of it; empty when there is nothing now. Throws
   * `StatusError` 410 Expired (send it as an ERROR event and end the watch).
   */
  read(maxBytes?: number): readonly WatchCacheEvent[];
  /**
   * The same as one piece of the JSON stream, `{"type":..,"object":..}\n` for each event, or undefined when there is nothing.
   * Watchers at the same place share the piece: write it to the socket as it is.
   */
  readBytes(maxBytes?: number): Buffer | undefined;
  /** Calls back once, never synchronously, as soon as `read` may have something, or `closed` became true. One call is kept at a time. */
  onReady(callback: () => void): void;
  /** Everything that happened has been read. */
  readonly idle: boolean;
  /** The revision up to which everything has been read: the bookmark's. */
  readonly revision: number;
  /** The cache ended the watch (server stopping, resource gone): end the response. */
  readonly closed: boolean;
  /** A BOOKMARK event at `revision`, for the timer of who allowed bookmarks. */
  bookmark(): WatchCacheEvent;
  close(): void;
  /**
   * For users in the process that read objects: from the first call on, writers' objects are kept for them where they would otherwise be
   * parsed again. Batches until `signal` aborts or the cursor closes. Throws as `read`.
   */
  batches(signal: AbortSignal): AsyncIterable<readonly WatchCacheEvent[]>;
}

export interface WatchCacheEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly revision: number;
  /** The object as the event shows it: for DELETED its last state with the resourceVersion of the event. */
  readonly item: CachedItem;
  /** `{"type":"ADDED","object":{...}}\n`, encoded once for all watchers. */
  readonly bytes: Buffer;
}
