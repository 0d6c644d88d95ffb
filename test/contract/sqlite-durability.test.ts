/** What the SQLite store promises beyond the contract's words: it survives kill -9, a full disk and a damaged file. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createLogger } from '../../src/base/log/logger.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { type Store, StoreError, type StoreEvent } from '../../src/store/store.ts';

const ROUNDS = 20;
const writer = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url));
const fullDisk = fileURLToPath(new URL('../support/store-full-disk.ts', import.meta.url));
const log = createLogger({ level: 'silent' });

const inFolder = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-durable-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const eventsFrom = async (store: Store, fromRevision: number): Promise<StoreEvent[]> => {
  const events: StoreEvent[] = [];
  const stop = new AbortController();
  if (fromRevision > store.revision) return events;
  for await (const batch of store.watch({ prefix: '', fromRevision, signal: stop.signal })) {
    events.push(...batch);
    if ((batch.at(-1)?.revision ?? 0) >= store.revision) stop.abort();
  }
  return events;
};

/** Runs the writer, kills it without warning after some acknowledged writes, and answers what it said. */
const writeAndKill = async (path: string, round: number): Promise<string[]> => {
  const child = spawn(process.execPath, [writer, path, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const killAfter = 20 + Math.floor(Math.random() * 300);
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === killAfter) child.kill('SIGKILL');
  }
  return lines;
};

test(`killed ${ROUNDS} times in the middle of writes: nothing acknowledged is lost, no revision is used twice`, { timeout: 240_000 }, () =>
  inFolder(async (folder) => {
    const path = join(folder, 'state.db');
    /** Every acknowledged revision of all rounds, with what it wrote. */
    const acknowledged = new Map<number, string>();
    let known: StoreEvent[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const line of await writeAndKill(path, round)) {
        const [what, key = '', revision = '', value = ''] = line.split(' ');
        if (what === 'R') continue;
        assert.ok(!acknowledged.has(Number(revision)), `revision ${revision} was given out twice`);
        acknowledged.set(Number(revision), what === 'D' ? `delete ${key}` : `${key} ${value}`);
      }
      const store = await openSqliteStore({ path, log });
      const events = await eventsFrom(store, 2);
      assert.deepEqual(
        events.map((event) => event.revision),
        events.map((_, index) => index + 2),
        'the log has no gap',
      );
      assert.deepEqual(events.slice(0, known.length), known, 'what a watcher saw before the crash is what it sees after it');
      for (const [revision, wrote] of acknowledged) {
        const event = events[revision - 2];
        assert.ok(event, `acknowledged revision ${revision} is lost`);
        const value = Buffer.from(event.value).toString().split('.').slice(0, 2).join('.');
        assert.equal(event.type === 'delete' ? `delete ${event.key}` : `${event.key} ${value}`, wrote);
      }
      known = events;
      await store.close();
    }
    assert.ok(acknowledged.size > ROUNDS * 10);
  }),
);

test('a full disk refuses writes and keeps reading; writes are taken again once there is room', { timeout: 120_000 }, (context) =>
  inFolder(async (folder) => {
    const script = `mount -t tmpfs -o size=3m tmpfs ${folder} && exec ${process.execPath} ${fullDisk} ${folder}`;
    const result = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' });
    if (result.error || /Operation not permitted|must be superuser/.test(result.stderr))
      return context.skip('needs root to mount a small disk');
    assert.equal(result.status, 0, result.stderr + result.stdout);
  }),
);

test('a file that is no database is named, with what to do', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'state.db');
    writeFileSync(path, 'this is no database at all, but it is long enough to look like one'.repeat(200));
    await assert.rejects(openSqliteStore({ path, log }), (error: StoreError) => {
      assert.equal(error.kind, 'StoreCorrupt');
      assert.match(error.message, new RegExp(`${path} is damaged .*put a backup in its place, or move`));
      return true;
    });
  }));

test('damage inside the file is found when it is read, and named', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'state.db');
    const store = await openSqliteStore({ path, log });
    for (let index = 0; index < 50; index += 1) await store.create(`/k/${index}`, Buffer.alloc(3000, 65));
    await store.close();
    const damaged = readFileSync(path);
    for (let page = 8; page * 8192 + 8192 < damaged.length; page += 1) damaged.fill(0xff, page * 8192, page * 8192 + 64);
    writeFileSync(path, damaged);
    const isCorrupt = (error: unknown) => error instanceof StoreError && error.kind === 'StoreCorrupt' && error.message.includes(path);
    await assert.rejects(async () => {
      const again = await openSqliteStore({ path, log });
      try {
        await again.list({ prefix: '/k/' });
      } finally {
        await again.close();
      }
    }, isCorrupt);
  }));

test('two servers cannot open one file', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'state.db');
    const store = await openSqliteStore({ path, log });
    await assert.rejects(openSqliteStore({ path, log }), { kind: 'StoreClosed', message: /another process holds the file/ });
    await store.close();
  }));
