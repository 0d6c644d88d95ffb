import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../../base/log/logger.ts';
import { type HistoryBounds, startAutoCompaction } from '../auto-compaction.ts';
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
import { StoreWorker } from './store-worker.ts';
import type { Write, WriteResult } from './worker-protocol.ts';

export interface SqliteStoreOptions {
  /** The database file; its folder is made (0700) when it is absent. */
  path: string;
  log: Logger;
  history?: HistoryBounds;
}

/** Log rows that one compaction step removes: writes wait no longer than that. */
const COMPACTION_STEP = 1000;
/** Writes that may wait for the disk. Far more than concurrent requests: beyond it something is wrong. */
const MAX_PENDING_WRITES = 100_000;

/**
 * The embedded store: one SQLite file in WAL mode with synchronous=FULL, in a worker thread. Writes that come while the disk syncs
 * are collected and committed together; each is answered after its sync.
 *
 * Throws `StoreError` StoreCorrupt naming the file and what to do, StoreClosed when the file cannot be opened.
 */
export const openSqliteStore = async (options: SqliteStoreOptions): Promise<Store> => {
  await mkdir(dirname(options.path), { recursive: true, mode: 0o700 });
  const worker = new StoreWorker(options.path);
  const revision = await worker.ready;
  const leases = await worker.ask({ kind: 'leases' });
  const store = new SqliteStore({ worker, revision, leases, log: options.log });
  store.onClose(startAutoCompaction(store, { log: options.log, ...(options.history ? { bounds: options.history } : {}) }));
  return store;
};

interface PendingWrite {
  write: Write;
  resolve: (result: Extract<WriteResult, { ok: true }>) => void;
  reject: (error: Error) => void;
}

class SqliteStore implements Store {
  readonly #worker: StoreWorker;
  readonly #hub: WatchHub;
  readonly #leases: LeaseClock;
  readonly #log: Logger;
  readonly #closers: (() => void)[] = [];
  #pending: PendingWrite[] = [];
  #writing: Promise<void> | undefined;
  #closing = false;
  #problem: string | undefined;

  constructor(options: { worker: StoreWorker; revision: number; leases: readonly { id: number; ttlSeconds: number }[]; log: Logger }) {
    this.#worker = options.worker;
    this.#log = options.log;
    this.#hub = new WatchHub({
      revision: options.revision,
      history: { read: (range) => this.#worker.ask({ kind: 'events', ...range }) },
    });
    this.#leases = new LeaseClock({
      expire: (id) => {
        this.revokeLease(id).catch((error: unknown) => this.#log.warn('a lease could not be ended', { leaseId: id, error }));
      },
    });
    for (const lease of options.leases) this.#leases.add(lease.id, lease.ttlSeconds);
  }

  get revision(): number {
    return this.#hub.revision;
  }

  onClose(closer: () => void): void {
    this.#closers.push(closer);
  }

  async get(key: string): Promise<StoreItem | undefined> {
    this.#assertOpen();
    return this.#worker.ask({ kind: 'get', key });
  }

  async list(options: ListOptions): Promise<StoreList> {
    this.#assertOpen();
    const { prefix, after = '', limit = 0, revision } = options;
    return this.#worker.ask({ kind: 'list', prefix, after, limit, revision });
  }

  async create(key: string, value: Uint8Array, options: { leaseId?: number } = {}): Promise<number> {
    return (await this.#write({ kind: 'create', key, value, leaseId: options.leaseId ?? 0 })).revision;
  }

  async update(key: string, value: Uint8Array, options: { ifRevision: number; leaseId?: number }): Promise<number> {
    return (await this.#write({ kind: 'update', key, value, ifRevision: options.ifRevision, leaseId: options.leaseId })).revision;
  }

  async delete(key: string, options: { ifRevision?: number } = {}): Promise<{ revision: number; previous: StoreItem }> {
    const { revision, previous } = await this.#write({ kind: 'delete', key, ifRevision: options.ifRevision });
    return { revision, previous: previous as StoreItem };
  }

  watch(options: WatchOptions): AsyncIterable<readonly StoreEvent[]> {
    this.#assertOpen();
    return this.#hub.watch(options);
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    if (revision > this.revision)
      throw new StoreError('FutureRevision', `revision ${revision} is not there yet, the newest is ${this.revision}`);
    this.#hub.forget(revision);
    while (!(await this.#worker.ask({ kind: 'compact', revision, limit: COMPACTION_STEP })).done) this.#assertOpen();
  }

  async grantLease(ttlSeconds: number): Promise<number> {
    const { leaseId = 0 } = await this.#write({ kind: 'grant', ttlSeconds });
    this.#leases.add(leaseId, ttlSeconds);
    return leaseId;
  }

  async renewLease(leaseId: number): Promise<void> {
    this.#assertOpen();
    if (!this.#leases.renew(leaseId)) throw new StoreError('LeaseNotFound', `no lease ${leaseId}`);
  }

  async revokeLease(leaseId: number): Promise<void> {
    await this.#write({ kind: 'revoke', leaseId });
    this.#leases.remove(leaseId);
  }

  async status(): Promise<StoreStatus> {
    this.#assertOpen();
    const { sizeBytes, compactedRevision } = await this.#worker.ask({ kind: 'status' });
    return { sizeBytes, compactedRevision, writable: !this.#problem, ...(this.#problem ? { problem: this.#problem } : {}) };
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    for (const closer of this.#closers) closer();
    this.#leases.stop();
    while (this.#writing) await this.#writing;
    this.#closing = true;
    this.#hub.close();
    await this.#worker.close();
  }

  #assertOpen(): void {
    if (this.#closing) throw new StoreError('StoreClosed', 'the store is closed');
  }

  #write(write: Write): Promise<Extract<WriteResult, { ok: true }>> {
    return new Promise((resolve, reject) => {
      this.#assertOpen();
      if (this.#pending.length >= MAX_PENDING_WRITES) throw new StoreError('StoreFull', 'too many writes wait for the disk');
      this.#pending.push({ write, resolve, reject });
      this.#writing ??= this.#drain();
    });
  }

  /** One batch after the other: what comes while one is with the disk makes the next. */
  async #drain(): Promise<void> {
    // Requests that arrived together have written before this resolves.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending.length) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        const results = await this.#worker.ask({ kind: 'write', writes: batch.map(({ write }) => write) });
        this.#settle(batch, results);
        this.#setProblem(undefined);
      } catch (error) {
        if (error instanceof StoreError && error.kind === 'StoreFull') this.#setProblem(`the disk is full: ${error.message}`);
        for (const { reject } of batch) reject(error as Error);
      }
    }
    this.#writing = undefined;
  }

  /** Watchers see a write before its writer hears that it is done. */
  #settle(batch: readonly PendingWrite[], results: readonly WriteResult[]): void {
    const events: StoreEvent[] = [];
    results.forEach((result, index) => {
      const write = batch[index]?.write;
      if (result.ok && write) events.push(...eventsOf(write, result));
    });
    if (events.length) this.#hub.publish(events);
    results.forEach((result, index) => {
      if (result.ok) batch[index]?.resolve(result);
      else batch[index]?.reject(new StoreError(result.failure.kind, result.failure.message, result.failure.current));
    });
  }

  #setProblem(problem: string | undefined): void {
    if (this.#problem === problem) return;
    if (problem) this.#log.error('the store refuses writes', { problem });
    else this.#log.info('the store takes writes again');
    this.#problem = problem;
  }
}

const eventsOf = (write: Write, result: Extract<WriteResult, { ok: true }>): StoreEvent[] => {
  const { revision, createRevision } = result;
  switch (write.kind) {
    case 'create':
    case 'update':
      // The writer's own bytes: who gave them can recognise them.
      return [{ type: write.kind, key: write.key, value: write.value, revision, createRevision }];
    case 'delete':
      return [{ type: 'delete', key: write.key, value: result.previous?.value ?? new Uint8Array(0), revision, createRevision }];
    default:
      return result.deleted ?? [];
  }
};
