/** Fills the small disk that it is given until the store refuses writes, then makes room. Run by the test of a full disk. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '../../src/base/log/logger.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { StoreError } from '../../src/store/store.ts';

const folder = process.argv[2] ?? '';
const ballast = join(folder, 'ballast');
writeFileSync(ballast, Buffer.alloc(1024 * 1024));
const store = await openSqliteStore({ path: join(folder, 'state.db'), log: createLogger({ level: 'silent' }) });

const isFull = (error: unknown): boolean => error instanceof StoreError && error.kind === 'StoreFull';
let written = 0;
let refused: unknown;
while (!refused && written < 10_000) {
  try {
    await store.create(`/k/${written}`, Buffer.alloc(4000, 66));
    written += 1;
  } catch (error) {
    refused = error;
  }
}
assert.ok(isFull(refused), `expected StoreFull, got ${String(refused)}`);
assert.ok(written > 20, `only ${written} writes fitted`);
const revision = store.revision;
assert.equal(revision, written + 1, 'a refused write takes no revision');
assert.equal((await store.list({ prefix: '/k/' })).items.length, written);
const status = await store.status();
assert.equal(status.writable, false);
assert.match(status.problem ?? '', /disk is full/);
await assert.rejects(store.update('/k/0', Buffer.alloc(4000, 67), { ifRevision: 2 }), isFull);

rmSync(ballast);
assert.equal(await store.update('/k/0', Buffer.alloc(4000, 67), { ifRevision: 2 }), revision + 1);
assert.equal((await store.status()).writable, true);
await store.close();
