import { parentPort, workerData } from 'node:worker_threads';
import { StoreError, type StoreEvent } from '../store.ts';
import { Database } from './database.ts';
import type {
  AnswerOf,
  WorkerAnswer,
  WorkerData,
  WorkerFailure,
  WorkerReady,
  WorkerRequest,
  Write,
  WriteResult,
} from './worker-protocol.ts';

/** The thread that owns the database: it may block on the disk, the main thread never does. */
const main = (port: NonNullable<typeof parentPort>, { path }: WorkerData): void => {
  let database: Database;
  try {
    database = new Database(path);
  } catch (error) {
    port.postMessage({ ready: false, failure: failureOf(error) } satisfies WorkerReady);
    return;
  }
  port.on('message', (request: WorkerRequest) => {
    let answer: WorkerAnswer;
    try {
      answer = { ok: true, value: handlers[request.kind](database, request as never) };
    } catch (error) {
      answer = { ok: false, failure: failureOf(error) };
    }
    port.postMessage(answer);
    if (request.kind === 'close') port.close();
  });
  port.postMessage({ ready: true, revision: database.revision } satisfies WorkerReady);
};

type Handlers = { [K in WorkerRequest['kind']]: (database: Database, request: Extract<WorkerRequest, { kind: K }>) => AnswerOf[K] };

const handlers: Handlers = {
  write: (database, { writes }) => database.transaction(() => writes.map((write) => applyWrite(database, write))),
  get: (database, { key }) => database.get(key),
  list(database, { prefix, after, limit, revision }) {
    const at = revision ?? database.revision;
    if (at > database.revision)
      throw new StoreError('FutureRevision', `revision ${at} is not there yet, the newest is ${database.revision}`);
    assertKept(database, at);
    // One more than asked for tells whether there are more.
    const range = { prefix, after, limit: limit > 0 ? limit + 1 : -1 };
    const items = at === database.revision ? database.list(range) : database.listAt({ ...range, revision: at });
    const more = limit > 0 && items.length > limit;
    return { items: more ? items.slice(0, limit) : items, revision: at, more };
  },
  events(database, range) {
    assertKept(database, range.from);
    return database.events(range);
  },
  compact(database, options) {
    const answer = database.transaction(() => database.compact(options));
    if (answer.done) database.vacuum();
    return answer;
  },
  leases: (database) => database.leases(),
  status: (database) => ({ sizeBytes: database.sizeBytes(), compactedRevision: database.compactedRevision }),
  close(database) {
    database.close();
    return undefined;
  },
};

const assertKept = (database: Database, revision: number): void => {
  if (revision < database.compactedRevision)
    throw new StoreError('Compacted', `revision ${revision} is gone, history begins at ${database.compactedRevision}`);
};

const applyWrite = (database: Database, write: Write): WriteResult => {
  try {
    return writers[write.kind](database, write as never);
  } catch (error) {
    // A failed condition concerns this write alone; anything else ends the whole transaction.
    if (error instanceof StoreError) return { ok: false, failure: failureOf(error) };
    throw error;
  }
};

type Writers = { [K in Write['kind']]: (database: Database, write: Extract<Write, { kind: K }>) => WriteResult };

const writers: Writers = {
  create(database, { key, value, leaseId }) {
    const current = database.current(key);
    if (current) throw new StoreError('KeyExists', `key ${key} exists at revision ${current.revision}`, database.get(key));
    assertLease(database, leaseId);
    const revision = database.put(key, value, { old: undefined, lease: leaseId });
    return { ok: true, revision, createRevision: revision };
  },
  update(database, { key, value, ifRevision, leaseId }) {
    const current = database.current(key);
    if (!current) throw new StoreError('KeyNotFound', `no key ${key}`);
    if (current.revision !== ifRevision) throw mismatch(database, { key, wanted: ifRevision, found: current.revision });
    assertLease(database, leaseId ?? 0);
    const revision = database.put(key, value, { old: current, lease: leaseId ?? current.lease });
    return { ok: true, revision, createRevision: current.create_revision };
  },
  delete(database, { key, ifRevision }) {
    const current = database.current(key);
    if (!current) throw new StoreError('KeyNotFound', `no key ${key}`);
    if (ifRevision !== undefined && current.revision !== ifRevision)
      throw mismatch(database, { key, wanted: ifRevision, found: current.revision });
    const previous = database.get(key);
    const revision = database.remove(key, current);
    return { ok: true, revision, createRevision: current.create_revision, ...(previous ? { previous } : {}) };
  },
  grant: (database, { ttlSeconds }) => ({
    ok: true,
    revision: database.revision,
    createRevision: 0,
    leaseId: database.grantLease(ttlSeconds),
  }),
  revoke(database, { leaseId }) {
    if (!database.hasLease(leaseId)) throw new StoreError('LeaseNotFound', `no lease ${leaseId}`);
    const deleted = database.keysOfLease(leaseId).map((key) => deleteForLease(database, key));
    database.removeLease(leaseId);
    return { ok: true, revision: database.revision, createRevision: 0, deleted: deleted.filter((event) => event !== undefined) };
  },
};

const deleteForLease = (database: Database, key: string): StoreEvent | undefined => {
  const previous = database.get(key);
  const current = database.current(key);
  if (!previous || !current) return undefined;
  const revision = database.remove(key, current);
  return { type: 'delete', key, value: previous.value, revision, createRevision: previous.createRevision };
};

const assertLease = (database: Database, leaseId: number): void => {
  if (leaseId !== 0 && !database.hasLease(leaseId)) throw new StoreError('LeaseNotFound', `no lease ${leaseId}`);
};

const mismatch = (database: Database, at: { key: string; wanted: number; found: number }): StoreError =>
  new StoreError('RevisionMismatch', `key ${at.key} is at revision ${at.found}, not ${at.wanted}`, database.get(at.key));

/** SQLite's primary result codes; extended codes have more bits above the first eight. */
const SQLITE = { BUSY: 5, IOERR: 10, CORRUPT: 11, FULL: 13, NOTADB: 26 } as const;
/** Write, sync and truncate errors of the disk: with a quota or a full file system SQLite reports some of them instead of FULL. */
const SQLITE_IOERR_WRITE = 778;

const failureOf = (error: unknown): WorkerFailure => {
  if (error instanceof StoreError)
    return { kind: error.kind, message: error.message, ...(error.current ? { current: error.current } : {}) };
  const { errcode = 0, message } = error as Error & { errcode?: number };
  const primary = errcode & 0xff;
  if (primary === SQLITE.FULL || errcode === SQLITE_IOERR_WRITE) return { kind: 'StoreFull', message };
  if (primary === SQLITE.CORRUPT || primary === SQLITE.NOTADB) return { kind: 'StoreCorrupt', message };
  if (primary === SQLITE.BUSY) return { kind: 'StoreClosed', message: 'another process holds the file' };
  return { kind: 'StoreClosed', message: `${message} (SQLite code ${errcode})` };
};

if (parentPort && (workerData as Partial<WorkerData> | null)?.slipwayStore) main(parentPort, workerData as WorkerData);
