/**
 * The contract of every store: versioned keys, bytes in and bytes out, with etcd's semantics. The store never parses a value.
 *
 * Revisions: an empty store is at revision 1. Every successful write raises the revision by exactly one (no gaps) and that
 * number is the key's `revision`. No revision is ever used twice, also not after a crash. A write is acknowledged (its promise
 * resolves) only once it would survive a power failure.
 */
export interface Store {
  /** The newest committed revision. */
  readonly revision: number;
  get(key: string): Promise<StoreItem | undefined>;
  /** Items in the order of their keys (bytewise). Throws `Compacted` when `revision` is older than the last compaction. */
  list(options: ListOptions): Promise<StoreList>;
  /** Throws `KeyExists`. Resolves to the new revision. */
  create(key: string, value: Uint8Array, options?: { leaseId?: number }): Promise<number>;
  /** Throws `RevisionMismatch` (with the current item) or `KeyNotFound`. Resolves to the new revision. */
  update(key: string, value: Uint8Array, options: { ifRevision: number; leaseId?: number }): Promise<number>;
  /** Throws as `update`. Resolves to the revision of the deletion and the item as it was. */
  delete(key: string, options?: { ifRevision?: number }): Promise<{ revision: number; previous: StoreItem }>;
  /**
   * Every event with a revision of at least `fromRevision` (default: those after now), each exactly once, in order, in batches.
   * Throws `Compacted` when that history is gone. Ends without error when `signal` aborts or the store closes.
   */
  watch(options: WatchOptions): AsyncIterable<readonly StoreEvent[]>;
  /** Forgets history before `revision`; current values stay. */
  compact(revision: number): Promise<void>;
  /** Keys written with the lease are deleted once it has not been renewed for `ttlSeconds`. */
  grantLease(ttlSeconds: number): Promise<number>;
  /** Throws `LeaseNotFound`. */
  renewLease(leaseId: number): Promise<void>;
  revokeLease(leaseId: number): Promise<void>;
  /** Bytes on disk and whether writes are taken: the disk may be full, then reads go on and writes throw `StoreFull`. */
  status(): Promise<StoreStatus>;
  /** Waits for writes under way. Calls after it throw `StoreClosed`. */
  close(): Promise<void>;
}

export interface StoreItem {
  readonly key: string;
  readonly value: Uint8Array;
  /** The revision of its last write. */
  readonly revision: number;
  readonly createRevision: number;
}

export interface ListOptions {
  prefix: string;
  /** Only keys after this one. */
  after?: string;
  limit?: number;
  /** As of this revision; default now. */
  revision?: number;
}

export interface StoreList {
  readonly items: readonly StoreItem[];
  /** The revision that the list shows. */
  readonly revision: number;
  /** There are items beyond `limit`. */
  readonly more: boolean;
}

export interface WatchOptions {
  prefix: string;
  fromRevision?: number;
  signal: AbortSignal;
}

export interface StoreEvent {
  readonly type: 'create' | 'update' | 'delete';
  readonly key: string;
  /** For `delete`: the last value. */
  readonly value: Uint8Array;
  readonly revision: number;
  readonly createRevision: number;
}

export interface StoreStatus {
  readonly sizeBytes: number;
  readonly compactedRevision: number;
  readonly writable: boolean;
  /** Why writes are refused. */
  readonly problem?: string;
}

export type StoreErrorKind =
  | 'KeyExists'
  | 'KeyNotFound'
  | 'RevisionMismatch'
  | 'Compacted'
  | 'FutureRevision'
  | 'LeaseNotFound'
  | 'StoreFull'
  | 'StoreCorrupt'
  | 'StoreClosed';

export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  /** For `RevisionMismatch` and `KeyExists`: the item as it is. */
  readonly current: StoreItem | undefined;

  constructor(kind: StoreErrorKind, message: string, current?: StoreItem) {
    super(message);
    this.name = 'StoreError';
    this.kind = kind;
    this.current = current;
  }
}
