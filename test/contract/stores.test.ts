/** Every store keeps the same promises: this suite runs over each of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createLogger } from '../../src/base/log/logger.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { type Store, StoreError, type StoreErrorKind, type StoreEvent } from '../../src/store/store.ts';

interface StoreUnderTest {
  open(): Promise<Store>;
  cleanUp(): void;
}

const log = createLogger({ level: 'silent' });

const STORES: Record<string, () => StoreUnderTest> = {
  memory: () => ({ open: async () => createMemoryStore(), cleanUp: () => undefined }),
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-store-'));
    return {
      open: () => openSqliteStore({ path: join(folder, 'state.db'), log }),
      cleanUp: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array): string => Buffer.from(value).toString();
const failsWith = (kind: StoreErrorKind) => (error: unknown) => error instanceof StoreError && error.kind === kind;

/** Reads `count` events, then stops watching. */
const collect = async (store: Store, options: { prefix: string; fromRevision?: number; count: number }): Promise<StoreEvent[]> => {
  const stop = new AbortController();
  const events: StoreEvent[] = [];
  for await (const batch of store.watch({ ...options, signal: stop.signal })) {
    events.push(...batch);
    if (events.length >= options.count) stop.abort();
  }
  return events;
};

for (const [name, prepare] of Object.entries(STORES)) {
  const withStore = (title: string, body: (store: Store) => Promise<void>): void => {
    test(title, async () => {
      const subject = prepare();
      const store = await subject.open();
      try {
        await body(store);
      } finally {
        await store.close();
        subject.cleanUp();
      }
    });
  };

  describe(`${name} store`, () => {
    withStore('begins at revision 1, and every write raises the revision by one', async (store) => {
      assert.equal(store.revision, 1);
      assert.equal(await store.create('/a', bytes('1')), 2);
      assert.equal(await store.update('/a', bytes('2'), { ifRevision: 2 }), 3);
      assert.equal((await store.delete('/a', { ifRevision: 3 })).revision, 4);
      assert.equal(store.revision, 4);
    });

    withStore('gives back what was written, with the revisions of creation and last write', async (store) => {
      await store.create('/a', bytes('one'));
      await store.update('/a', bytes('two'), { ifRevision: 2 });
      const item = await store.get('/a');
      assert.deepEqual({ ...item, value: text(item!.value) }, { key: '/a', value: 'two', revision: 3, createRevision: 2 });
      assert.equal(await store.get('/b'), undefined);
    });

    withStore('refuses a second create and names what is there', async (store) => {
      await store.create('/a', bytes('one'));
      await assert.rejects(store.create('/a', bytes('two')), (error: StoreError) => {
        assert.equal(error.kind, 'KeyExists');
        assert.equal(text(error.current!.value), 'one');
        return true;
      });
      assert.equal(store.revision, 2);
    });

    withStore('refuses an update or delete of another revision and names the current one', async (store) => {
      await store.create('/a', bytes('one'));
      await store.update('/a', bytes('two'), { ifRevision: 2 });
      for (const attempt of [store.update('/a', bytes('x'), { ifRevision: 2 }), store.delete('/a', { ifRevision: 2 })])
        await assert.rejects(attempt, (error: StoreError) => error.kind === 'RevisionMismatch' && error.current?.revision === 3);
      assert.equal(store.revision, 3);
    });

    withStore('says KeyNotFound for what is not there', async (store) => {
      await assert.rejects(store.update('/a', bytes('x'), { ifRevision: 2 }), failsWith('KeyNotFound'));
      await assert.rejects(store.delete('/a'), failsWith('KeyNotFound'));
    });

    withStore('one failed write of many at once leaves the others alone', async (store) => {
      const results = await Promise.allSettled([
        store.create('/a', bytes('1')),
        store.create('/a', bytes('2')),
        store.create('/b', bytes('3')),
        store.delete('/c'),
        store.create('/d', bytes('4')),
      ]);
      assert.deepEqual(
        results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.kind)),
        [2, 'KeyExists', 3, 'KeyNotFound', 4],
      );
    });

    withStore('lists by prefix in the order of bytes, in pages', async (store) => {
      for (const key of ['/p/b', '/p/a', '/q/x', '/p/a-b', '/p/a/b', '/p/\u{1F600}', '/p/\uFFFD']) await store.create(key, bytes(key));
      const all = await store.list({ prefix: '/p/' });
      const expected = ['/p/a', '/p/a-b', '/p/a/b', '/p/b', '/p/\uFFFD', '/p/\u{1F600}'];
      assert.deepEqual(
        all.items.map((item) => item.key),
        expected,
      );
      assert.deepEqual([all.more, all.revision], [false, 8]);
      const first = await store.list({ prefix: '/p/', limit: 4 });
      assert.deepEqual([first.items.length, first.more], [4, true]);
      const second = await store.list({ prefix: '/p/', limit: 4, after: first.items.at(-1)!.key });
      assert.deepEqual(
        [...first.items, ...second.items].map((item) => item.key),
        expected,
      );
      assert.equal(second.more, false);
    });

    withStore('lists as of a revision of the past: updated, deleted and later keys as they were', async (store) => {
      await store.create('/p/a', bytes('a1')); // 2
      await store.create('/p/b', bytes('b1')); // 3
      await store.create('/p/gone', bytes('g1')); // 4
      await store.update('/p/a', bytes('a2'), { ifRevision: 2 }); // 5
      await store.delete('/p/gone'); // 6
      await store.create('/p/new', bytes('n1')); // 7
      await store.create('/p/gone', bytes('g2')); // 8
      const at = async (revision: number) =>
        (await store.list({ prefix: '/p/', revision })).items.map((item) => `${item.key.slice(3)}=${text(item.value)}@${item.revision}`);
      assert.deepEqual(await at(4), ['a=a1@2', 'b=b1@3', 'gone=g1@4']);
      assert.deepEqual(await at(6), ['a=a2@5', 'b=b1@3']);
      assert.deepEqual(await at(8), ['a=a2@5', 'b=b1@3', 'gone=g2@8', 'new=n1@7']);
      assert.deepEqual((await store.list({ prefix: '/p/', revision: 4, limit: 1, after: '/p/a' })).items[0]?.key, '/p/b');
      await assert.rejects(store.list({ prefix: '/p/', revision: 9 }), failsWith('FutureRevision'));
    });

    withStore('a watch shows each event of its prefix once and in order, also those from before it began', async (store) => {
      await store.create('/p/a', bytes('1')); // 2
      await store.create('/q/a', bytes('1')); // 3
      const watching = collect(store, { prefix: '/p/', fromRevision: 2, count: 3 });
      await store.update('/p/a', bytes('2'), { ifRevision: 2 }); // 4
      await store.delete('/p/a'); // 5
      const seen = (await watching).map(
        (event) => `${event.type} ${event.key} ${text(event.value)} ${event.revision} ${event.createRevision}`,
      );
      assert.deepEqual(seen, ['create /p/a 1 2 2', 'update /p/a 2 4 2', 'delete /p/a 2 5 2']);
    });

    withStore('a watch without a revision shows only what comes after it', async (store) => {
      await store.create('/a', bytes('1'));
      const watching = collect(store, { prefix: '/', count: 1 });
      await store.create('/b', bytes('2'));
      assert.deepEqual(
        (await watching).map((event) => event.key),
        ['/b'],
      );
    });

    withStore('watches begun in the middle of concurrent writes see no gap and nothing twice', async (store) => {
      const writers = 8;
      const each = 150;
      const total = writers * each;
      const writing = Array.from({ length: writers }, async (_, writer) => {
        for (let index = 0; index < each; index += 1) {
          const key = `/w/${writer}-${index % 5}`;
          const revision = (await store.get(key))?.revision;
          if (revision === undefined) await store.create(key, bytes('x'));
          else if (index % 7 === 0) await store.delete(key, { ifRevision: revision });
          else await store.update(key, bytes('x'), { ifRevision: revision });
        }
      });
      const watchers = Array.from({ length: 6 }, async (_, watcher) => {
        while (store.revision < 1 + watcher * 150) await new Promise((resolve) => setImmediate(resolve));
        const fromRevision = 2 + Math.floor(store.revision / 3);
        const events = await collect(store, { prefix: '/w/', fromRevision, count: total - fromRevision + 2 });
        assert.deepEqual(
          events.map((event) => event.revision),
          Array.from({ length: total - fromRevision + 2 }, (_unused, index) => fromRevision + index),
        );
      });
      await Promise.all([...writing, ...watchers]);
      assert.equal(store.revision, total + 1);
    });

    withStore('a watch ends without error when it is aborted, and when the store closes', async (store) => {
      const stop = new AbortController();
      const aborted = (async () => {
        for await (const _ of store.watch({ prefix: '/', signal: stop.signal }));
        return 'ended';
      })();
      const closed = collect(store, { prefix: '/', count: 1 });
      stop.abort();
      assert.equal(await aborted, 'ended');
      await store.close();
      assert.deepEqual(await closed, []);
      await assert.rejects(store.get('/a'), failsWith('StoreClosed'));
      await assert.rejects(store.create('/a', bytes('1')), failsWith('StoreClosed'));
    });

    withStore('compaction forgets history and keeps values', async (store) => {
      await store.create('/a', bytes('1')); // 2
      await store.create('/b', bytes('1')); // 3
      await store.update('/a', bytes('2'), { ifRevision: 2 }); // 4
      await store.delete('/b'); // 5
      await store.update('/a', bytes('3'), { ifRevision: 4 }); // 6
      await store.compact(5);
      assert.equal((await store.status()).compactedRevision, 5);
      await assert.rejects(store.list({ prefix: '/', revision: 4 }), failsWith('Compacted'));
      await assert.rejects(collect(store, { prefix: '/', fromRevision: 4, count: 1 }), failsWith('Compacted'));
      assert.deepEqual(
        (await store.list({ prefix: '/', revision: 5 })).items.map((item) => text(item.value)),
        ['2'],
      );
      const kept = await collect(store, { prefix: '/', fromRevision: 5, count: 2 });
      assert.deepEqual(
        kept.map((event) => `${event.type} ${event.key} ${text(event.value)}`),
        ['delete /b 1', 'update /a 3'],
      );
      assert.equal(text((await store.get('/a'))!.value), '3');
      await assert.rejects(store.compact(7), failsWith('FutureRevision'));
    });

    withStore('a revision is not used again after everything was deleted and compacted', async (store) => {
      await store.create('/a', bytes('1'));
      await store.delete('/a');
      await store.compact(3);
      assert.equal(await store.create('/a', bytes('2')), 4);
    });

    withStore('revoking a lease deletes its keys, each as a write of its own', async (store) => {
      const lease = await store.grantLease(3600);
      await store.create('/l/a', bytes('1'), { leaseId: lease });
      await store.create('/l/b', bytes('1'), { leaseId: lease });
      await store.create('/l/c', bytes('1'));
      await store.update('/l/a', bytes('2'), { ifRevision: 2 });
      const watching = collect(store, { prefix: '/l/', count: 2 });
      await store.revokeLease(lease);
      assert.deepEqual(
        (await watching).map((event) => `${event.type} ${event.key} ${event.revision}`),
        ['delete /l/a 6', 'delete /l/b 7'],
      );
      assert.deepEqual(
        (await store.list({ prefix: '/l/' })).items.map((item) => item.key),
        ['/l/c'],
      );
      await assert.rejects(store.renewLease(lease), failsWith('LeaseNotFound'));
      await assert.rejects(store.create('/l/d', bytes('1'), { leaseId: lease }), failsWith('LeaseNotFound'));
    });

    withStore('a lease that is not renewed ends by itself; one that is renewed stays', async (store) => {
      const [short, renewed] = [await store.grantLease(1), await store.grantLease(1)];
      await store.create('/l/short', bytes('1'), { leaseId: short });
      await store.create('/l/renewed', bytes('1'), { leaseId: renewed });
      const renewing = setInterval(() => void store.renewLease(renewed), 100);
      try {
        assert.deepEqual(
          (await collect(store, { prefix: '/l/', count: 1 })).map((event) => event.key),
          ['/l/short'],
        );
        assert.ok(await store.get('/l/renewed'));
      } finally {
        clearInterval(renewing);
      }
    });
  });
}
