import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createLogger } from '../../../src/base/log/logger.ts';
import { startAutoCompaction } from '../../../src/store/auto-compaction.ts';
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts';

const log = createLogger({ level: 'silent' });
const CHECK_MS = 30_000;

/** Lets the check that a tick began come to its end. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

test('history older than its age is forgotten, younger history stays', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const store = createMemoryStore();
  let now = 0;
  const stop = startAutoCompaction(store, { log, bounds: { maxAgeMs: 60_000, maxEvents: 1000 }, now: () => now });
  const pass = async (): Promise<number> => {
    now += CHECK_MS;
    mock.timers.tick(CHECK_MS);
    await settled();
    return (await store.status()).compactedRevision;
  };
  try {
    for (const key of ['/a', '/b', '/c']) await store.create(key, Buffer.from(key));
    assert.equal(await pass(), 0);
    await store.create('/d', Buffer.from('d'));
    assert.equal(await pass(), 0);
    assert.equal(await pass(), 4, 'what was there at the first check is a minute old now');
    assert.equal(await pass(), 5);
  } finally {
    stop();
    await store.close();
    mock.timers.reset();
  }
});

test('more events than the bound are forgotten however young', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const store = createMemoryStore();
  const stop = startAutoCompaction(store, { log, bounds: { maxAgeMs: 600_000, maxEvents: 10 }, now: () => 0 });
  try {
    for (let index = 0; index < 50; index += 1) await store.create(`/${index}`, Buffer.from('x'));
    mock.timers.tick(CHECK_MS);
    await settled();
    assert.equal((await store.status()).compactedRevision, 41);
  } finally {
    stop();
    await store.close();
    mock.timers.reset();
  }
});
