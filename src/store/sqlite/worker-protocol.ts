import type { StoreErrorKind, StoreEvent, StoreItem } from '../store.ts';

/** What the store asks its worker thread. Every request has one answer, in the order of the requests. */
export type WorkerRequest =
  | { kind: 'write'; writes: Write[] }
  | { kind: 'get'; key: string }
  | { kind: 'list'; prefix: string; after: string; limit: number; revision: number | undefined }
  | { kind: 'events'; from: number; to: number; limit: number }
  /** Removes at most `limit` log rows of before `revision`; `done` when none are left. */
  | { kind: 'compact'; revision: number; limit: number }
  | { kind: 'leases' }
  | { kind: 'status' }
  | { kind: 'close' };

/** One write. All of a request are committed together and synced once; a write whose condition fails leaves the others alone. */
export type Write =
  | { kind: 'create'; key: string; value: Uint8Array; leaseId: number }
  /** `leaseId` undefined keeps the lease that the key has. */
  | { kind: 'update'; key: string; value: Uint8Array; ifRevision: number; leaseId: number | undefined }
  | { kind: 'delete'; key: string; ifRevision: number | undefined }
  | { kind: 'grant'; ttlSeconds: number }
  | { kind: 'revoke'; leaseId: number };

export type WriteResult =
  | { ok: true; revision: number; createRevision: number; previous?: StoreItem; deleted?: StoreEvent[]; leaseId?: number }
  | { ok: false; failure: WorkerFailure };

export interface WorkerFailure {
  kind: StoreErrorKind;
  message: string;
  current?: StoreItem;
}

export type WorkerAnswer = { ok: true; value: unknown } | { ok: false; failure: WorkerFailure };

/** The values of the answers, by request. */
export interface AnswerOf {
  write: WriteResult[];
  get: StoreItem | undefined;
  list: { items: StoreItem[]; revision: number; more: boolean };
  events: StoreEvent[];
  compact: { done: boolean };
  leases: { id: number; ttlSeconds: number }[];
  status: { sizeBytes: number; compactedRevision: number };
  close: undefined;
}

export interface WorkerData {
  slipwayStore: true;
  path: string;
}

/** The first message of the worker. */
export type WorkerReady = { ready: true; revision: number } | { ready: false; failure: WorkerFailure };
