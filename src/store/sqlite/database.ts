import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { StoreError, type StoreEvent, type StoreItem } from '../store.ts';

/**
 * The tables. `log` holds every version of every key until compaction, `current` says which version is the newest: a value is on
 * disk once. A deletion is a log row without a value; `previous` is the revision that a row replaced (0: none).
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS log (
  revision INTEGER PRIMARY KEY, key TEXT NOT NULL, create_revision INTEGER NOT NULL, previous INTEGER NOT NULL, value BLOB);
CREATE TABLE IF NOT EXISTS current (
  key TEXT PRIMARY KEY, revision INTEGER NOT NULL, create_revision INTEGER NOT NULL, lease INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS current_lease ON current (lease) WHERE lease <> 0;
CREATE TABLE IF NOT EXISTS lease (id INTEGER PRIMARY KEY AUTOINCREMENT, ttl INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('format', 1), ('compacted', 0);
`;
const FORMAT = 1;
const EMPTY_REVISION = 1;

export interface CurrentRow {
  revision: number;
  create_revision: number;
  lease: number;
}

interface LogRow {
  revision: number;
  key: string;
  create_revision: number;
  previous: number;
  value: Uint8Array | null;
}

type Row = Record<string, unknown>;

/** The SQL of the store: one method for each thing that is asked. Runs in the worker thread only; calls block. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #revision: number;
  #compacted: number;

  /** Throws SQLite's error when the file is no database, damaged, or held by another process. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    // Exclusive: one server a file, and no shared-memory file (a full disk would end the process with SIGBUS there).
    this.#db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;
      PRAGMA temp_store = MEMORY;`);
    if (!this.#one("SELECT 1 FROM sqlite_schema WHERE name = 'meta'")) this.#db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
    const format = this.#number("SELECT value AS n FROM meta WHERE name = 'format'");
    if (format !== FORMAT) throw new StoreError('StoreCorrupt', `the file has format ${format}, this version reads format ${FORMAT}`);
    this.#revision = this.#number('SELECT coalesce(max(revision), 0) AS n FROM log') || EMPTY_REVISION;
    this.#compacted = this.#number("SELECT value AS n FROM meta WHERE name = 'compacted'");
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compacted;
  }

  /** Runs `work` in one transaction that is synced before this returns; on an error nothing of it stays. */
  transaction<T>(work: () => T): T {
    const before = this.#revision;
    this.#run('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#run('COMMIT');
      return result;
    } catch (error) {
      this.#revision = before;
      // A full disk may have rolled back already.
      if (this.#db.isTransaction) this.#run('ROLLBACK');
      throw error;
    }
  }

  current(key: string): CurrentRow | undefined {
    return this.#one('SELECT revision, create_revision, lease FROM current WHERE key = ?', key) as CurrentRow | undefined;
  }

  get(key: string): StoreItem | undefined {
    const row = this.#one(
      'SELECT c.key, c.revision, c.create_revision, l.value FROM current c JOIN log l ON l.revision = c.revision WHERE c.key = ?',
      key,
    );
    return row && itemOf(row as unknown as LogRow);
  }

  /** Writes the next version of a key and answers its revision. `old` is the row that it replaces. */
  put(key: string, value: Uint8Array, options: { old: CurrentRow | undefined; lease: number }): number {
    const revision = ++this.#revision;
    const createRevision = options.old?.create_revision ?? revision;
    this.#run('INSERT INTO log VALUES (?, ?, ?, ?, ?)', revision, key, createRevision, options.old?.revision ?? 0, value);
    if (options.old) this.#run('UPDATE current SET revision = ?, lease = ? WHERE key = ?', revision, options.lease, key);
    else this.#run('INSERT INTO current VALUES (?, ?, ?, ?)', key, revision, createRevision, options.lease);
    return revision;
  }

  remove(key: string, old: CurrentRow): number {
    const revision = ++this.#revision;
    this.#run('INSERT INTO log VALUES (?, ?, ?, ?, NULL)', revision, key, old.create_revision, old.revision);
    this.#run('DELETE FROM current WHERE key = ?', key);
    return revision;
  }

  list(options: { prefix: string; after: string; limit: number }): StoreItem[] {
    const [from, to] = rangeOf(options);
    return this.#all(
      `SELECT c.key, c.revision, c.create_revision, l.value FROM current c JOIN log l ON l.revision = c.revision
       WHERE c.key > ? AND c.key < ? ORDER BY c.key LIMIT ?`,
      from,
      to,
      options.limit,
    ).map((row) => itemOf(row as unknown as LogRow));
  }

  /** As `list`, at a revision of the past: what did not change since, and what the first later change of each key replaced. */
  listAt(options: { prefix: string; after: string; limit: number; revision: number }): StoreItem[] {
    const [from, to] = rangeOf(options);
    return this.#all(
      `WITH changed AS (SELECT key, min(revision) AS first FROM log WHERE revision > ?1 AND key > ?2 AND key < ?3 GROUP BY key),
       then_current AS (
         SELECT revision FROM current WHERE key > ?2 AND key < ?3 AND revision <= ?1
         UNION ALL
         SELECT l.previous FROM changed c JOIN log l ON l.revision = c.first WHERE l.previous > 0)
       SELECT l.key, l.revision, l.create_revision, l.value FROM then_current t JOIN log l ON l.revision = t.revision
       WHERE l.value IS NOT NULL ORDER BY l.key LIMIT ?4`,
      options.revision,
      from,
      to,
      options.limit,
    ).map((row) => itemOf(row as unknown as LogRow));
  }

  events(range: { from: number; to: number; limit: number }): StoreEvent[] {
    return this.#all(
      `SELECT e.revision, e.key, e.create_revision, e.previous, e.value, p.value AS old FROM log e
       LEFT JOIN log p ON e.value IS NULL AND p.revision = e.previous WHERE e.revision BETWEEN ? AND ? ORDER BY e.revision LIMIT ?`,
      range.from,
      range.to,
      range.limit,
    ).map((row) => eventOf(row as unknown as LogRow & { old: Uint8Array | null }));
  }

  /**
   * Forgets versions that were replaced or deleted before `revision`, at most `limit` log rows of it. What the event of `revision` itself
   * replaced stays: that event still shows it.
   */
  compact(options: { revision: number; limit: number }): { done: boolean } {
    const upTo = Math.min(options.revision, this.#compacted + options.limit);
    this.#run(
      'DELETE FROM log WHERE revision IN (SELECT previous FROM log WHERE revision >= ? AND revision < ? AND previous > 0)',
      this.#compacted,
      upTo,
    );
    this.#run('DELETE FROM log WHERE revision >= ? AND revision < ? AND value IS NULL', this.#compacted, upTo);
    this.#run("UPDATE meta SET value = ? WHERE name = 'compacted'", upTo);
    this.#compacted = upTo;
    return { done: upTo >= options.revision };
  }

  /** Gives free pages back to the disk. */
  vacuum(): void {
    this.#db.exec('PRAGMA incremental_vacuum(2000)');
  }

  grantLease(ttlSeconds: number): number {
    return Number(this.#prepare('INSERT INTO lease (ttl) VALUES (?)').run(ttlSeconds).lastInsertRowid);
  }

  hasLease(id: number): boolean {
    return this.#one('SELECT 1 FROM lease WHERE id = ?', id) !== undefined;
  }

  removeLease(id: number): void {
    this.#run('DELETE FROM lease WHERE id = ?', id);
  }

  leases(): { id: number; ttlSeconds: number }[] {
    return this.#all('SELECT id, ttl AS ttlSeconds FROM lease') as unknown as { id: number; ttlSeconds: number }[];
  }

  keysOfLease(id: number): string[] {
    return this.#all('SELECT key FROM current WHERE lease = ? AND lease <> 0 ORDER BY key', id).map((row) => row['key'] as string);
  }

  sizeBytes(): number {
    return this.#number('SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()');
  }

  close(): void {
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #run(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.#prepare(sql).run(...values);
  }

  #one(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  #all(sql: string, ...values: (string | number)[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  #number(sql: string): number {
    return Number((this.#one(sql) as { n: unknown } | undefined)?.n ?? 0);
  }
}

/** Keys that begin with `prefix` lie between these two, both exclusive. */
const rangeOf = (options: { prefix: string; after: string }): [from: string, to: string] => {
  const { prefix } = options;
  const to = prefix === '' ? '\u{10FFFF}' : prefix.slice(0, -1) + String.fromCodePoint((prefix.codePointAt(prefix.length - 1) ?? 0) + 1);
  // The prefix itself is no key below it, and nothing sorts between the two.
  return [options.after === '' || options.after < prefix ? prefix : options.after, to];
};

const itemOf = (row: LogRow): StoreItem => ({
  key: row.key,
  value: row.value as Uint8Array,
  revision: row.revision,
  createRevision: row.create_revision,
});

const eventOf = (row: LogRow & { old: Uint8Array | null }): StoreEvent => ({
  type: row.value === null ? 'delete' : row.previous === 0 ? 'create' : 'update',
  key: row.key,
  value: row.value ?? row.old ?? new Uint8Array(0),
  revision: row.revision,
  createRevision: row.create_revision,
});
