/** The scripts that run on a control plane, on real stores: a copy, its verification, and the way back. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import { createLogger } from '../../../src/base/log/logger.ts';
import type { Host } from '../../../src/hosts/host.ts';
import { runProcess } from '../../../src/hosts/local/run-process.ts';
import { restoreSnapshot, takeSnapshot, verifySnapshot } from '../../../src/provision/upgrade/store-snapshot.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-snapshot-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The node's folder lies here, and its Node.js is this one. */
const host = {
  name: 'n1',
  run: ([, ...args]: string[], options: object) =>
    runProcess([process.execPath, ...args.map((arg) => arg.replace(/^\/var\/lib\/slipway/, folder))], { ...options, where: 'n1' }),
} as unknown as Host;
const open = () => openSqliteStore({ path: join(folder, 'store/slipway.db'), log: createLogger({ level: 'silent' }) });
const bytes = (text: string): Uint8Array => Buffer.from(text);
const snapshotFile = (): string => join(folder, 'snapshots/before-2.db');
const contents = async (store: Awaited<ReturnType<typeof open>>): Promise<string[]> =>
  (await store.list({ prefix: '/' })).items.map(({ key, value }) => `${key} ${Buffer.from(value)}`);

/** A store with a snapshot, and what was written after it; answers the last revision. */
const storeWithSnapshot = async () => {
  const before = await open();
  const first = await before.create('/a', bytes('one'));
  await before.create('/b', bytes('two'));
  await before.update('/a', bytes('three'), { ifRevision: first });
  await before.close();
  const snapshot = await takeSnapshot(host, 'before-2');
  const after = await open();
  await after.create('/c', bytes('four'));
  await after.delete('/b');
  const { revision } = after;
  await after.close();
  return { snapshot, revision };
};

test('a snapshot is put back only when it must be: by wish, or where the store has another layout', async () => {
  const { snapshot } = await storeWithSnapshot();
  assert.deepEqual(snapshot, { path: '/var/lib/slipway/snapshots/before-2.db', format: 1 });
  assert.equal(await restoreSnapshot(host, snapshot, { always: false }), false);
  const kept = await open();
  assert.deepEqual(await contents(kept), ['/a three', '/c four']);
  await kept.close();
  assert.equal(await restoreSnapshot(host, { ...snapshot, format: 2 }, { always: false }), true);
});

test('what is put back goes on beyond every revision that was seen, and without a history', async () => {
  const { snapshot, revision } = await storeWithSnapshot();
  assert.equal(await restoreSnapshot(host, snapshot, { always: true }), true);
  const store = await open();
  assert.deepEqual(await contents(store), ['/a three', '/b two']);
  assert.ok(store.revision > revision, `${store.revision} after ${revision}`);
  const { signal } = new AbortController();
  for (const from of [2, revision, revision + 1])
    await assert.rejects(store.watch({ prefix: '/', fromRevision: from, signal })[Symbol.asyncIterator]().next(), { kind: 'Compacted' });
  const watch = store.watch({ prefix: '/', fromRevision: store.revision + 1, signal })[Symbol.asyncIterator]();
  const next = store.revision + 1;
  assert.equal(await store.create('/d', bytes('five')), next);
  assert.deepEqual(
    (await watch.next()).value?.map(({ key, revision: at }: { key: string; revision: number }) => [key, at]),
    [['/d', next]],
  );
  await store.compact(next);
  await store.close();
  const again = await open();
  assert.equal(again.revision, next);
  assert.deepEqual(await contents(again), ['/a three', '/b two', '/d five']);
  await again.close();
});

test('a snapshot that is damaged or gone is told, and the store stays as it is', async () => {
  const { snapshot, revision } = await storeWithSnapshot();
  await verifySnapshot(host, snapshot);
  const whole = readFileSync(snapshotFile());
  writeFileSync(snapshotFile(), Buffer.from(whole).fill(0x5a, 8192, 24_576));
  await assert.rejects(verifySnapshot(host, snapshot), { code: 'STORE_CORRUPT' });
  await assert.rejects(restoreSnapshot(host, snapshot, { always: true }), { code: 'STEP_FAILED' });
  rmSync(snapshotFile());
  await assert.rejects(verifySnapshot(host, snapshot), { code: 'STORE_CORRUPT' });
  const store = await open();
  assert.equal(store.revision, revision);
  await store.close();
});

test('a store that cannot be read counts as of another layout', async () => {
  const { snapshot } = await storeWithSnapshot();
  writeFileSync(join(folder, 'store/slipway.db'), 'no database');
  assert.equal(await restoreSnapshot(host, snapshot, { always: false }), true);
  const store = await open();
  assert.deepEqual(await contents(store), ['/a three', '/b two']);
  await store.close();
});

test('a copy that cannot be made is told with what the copying said', async () => {
  const store = await open();
  await store.create('/a', bytes('one'));
  await store.close();
  mkdirSync(`${snapshotFile()}.part`, { recursive: true });
  await assert.rejects(takeSnapshot(host, 'before-2'), (error: SlipwayError) => {
    assert.equal(error.code, 'STEP_FAILED');
    assert.match(error.logLines.join('\n'), /^\w*Error.*EISDIR/);
    return error.logLines.length === 1;
  });
});
