import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pod as servedPod } from '../../../../src/api/core/pod.ts';
import type { Kind } from '../../../../src/api/kind.ts';
import type { KubeObject } from '../../../../src/api/meta/object.ts';
import { parseLabelSelector } from '../../../../src/api/meta/selector.ts';
import { StatusError } from '../../../../src/api/meta/status.ts';
import { createWatchCache } from '../../../../src/apiserver/watch/create-watch-cache.ts';
import type { ItemFilter, ResourceCache, WatchCacheEvent, WatchCursor } from '../../../../src/apiserver/watch/watch-cache.ts';
import { createLogger } from '../../../../src/base/log/logger.ts';
import { createMemoryStore } from '../../../../src/store/memory/memory-store.ts';
import type { Store } from '../../../../src/store/store.ts';

import { until } from '../../../support/until.ts';

const log = createLogger({ level: 'silent' });

const pod: Kind = {
  ...servedPod,
  selectableFields: { 'spec.nodeName': (object) => (object as { spec?: { nodeName?: string } }).spec?.nodeName ?? '' },
};

const withPods = (title: string, body: (pods: ResourceCache, store: Store) => Promise<void>): void => {
  test(title, async () => {
    const store = createMemoryStore();
    const cache = createWatchCache({ store, log });
    await cache.start();
    try {
      await body(cache.resource(pod), store);
    } finally {
      await cache.stop();
      await store.close();
    }
  });
};

const podNamed = (
  name: string,
  more: { namespace?: string; labels?: Record<string, string>; node?: string; owner?: string } = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: more.namespace ?? 'default',
    uid: `uid-${name}`,
    ...(more.labels ? { labels: more.labels } : {}),
    ...(more.owner ? { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: more.owner }] } : {}),
  },
  spec: { containers: [], ...(more.node ? { nodeName: more.node } : {}) },
});

const create = (pods: ResourceCache, object: KubeObject) =>
  pods.create({ namespace: object.metadata.namespace, name: object.metadata.name! }, object);

const labelled = (key: string, value: string): ItemFilter => ({
  labels: { matches: (labels) => labels[key] === value, equals: [{ key, values: [value] }] },
});
const onNode = (value: string): ItemFilter => ({ fields: [{ name: 'spec.nodeName', operator: '=', value }] });

const shown = (events: readonly WatchCacheEvent[]): string[] => events.map((event) => `${event.type} ${event.item.name}@${event.revision}`);
const names = (items: readonly { name: string }[]): string[] => items.map((item) => item.name);
const isExpired = (error: unknown) => error instanceof StatusError && error.code === 410;

const readUntil = async (cursor: WatchCursor, count: number): Promise<WatchCacheEvent[]> => {
  const events: WatchCacheEvent[] = [];
  while (events.length < count && !cursor.closed) {
    events.push(...cursor.read());
    if (events.length < count) await new Promise<void>((resolve) => cursor.onReady(resolve));
  }
  return events;
};

describe('reads', () => {
  withPods('a read after a write shows it, with its resourceVersion in the bytes', async (pods) => {
    const item = await create(pods, podNamed('a'));
    assert.equal(item.revision, 2);
    const read = await pods.get({ namespace: 'default', name: 'a' });
    assert.equal(read, item);
    assert.match(item.bytes.toString(), /^\{"kind":"Pod","apiVersion":"v1","metadata":\{"resourceVersion":"2","name":"a"/);
    assert.equal(JSON.parse(item.bytes.toString()).metadata.uid, 'uid-a');
    assert.equal(item.object.metadata.resourceVersion, '2');
    assert.ok(Object.isFrozen(item.object.metadata));
  });

  withPods('an update replaces exactly one version, and nothing is written when nothing differs', async (pods, store) => {
    const first = await create(pods, podNamed('a'));
    const second = await pods.update(first, { ...first.parse(), status: { phase: 'Running' } });
    assert.equal(second.revision, 3);
    assert.equal(await pods.update(second, second.parse()), second);
    await assert.rejects(pods.update(first, podNamed('a')), { kind: 'RevisionMismatch' });
    await assert.rejects(create(pods, podNamed('a')), { kind: 'KeyExists' });
    const gone = await pods.delete(second);
    assert.deepEqual([gone.revision, gone.object.metadata.resourceVersion, gone.uid], [4, '4', 'uid-a']);
    assert.equal(await pods.get({ namespace: 'default', name: 'a' }), undefined);
    assert.equal(store.revision, 4);
  });

  withPods('lists are in the order of namespace and name, whatever the order of writes', async (pods) => {
    for (const name of ['c', 'a']) await create(pods, podNamed(name));
    assert.deepEqual(names((await pods.list()).items), ['a', 'c']);
    await create(pods, podNamed('b'));
    await create(pods, podNamed('z', { namespace: 'another' }));
    await create(pods, podNamed('d', { namespace: 'default-2' }));
    assert.deepEqual(names((await pods.list()).items), ['z', 'd', 'a', 'b', 'c']);
    assert.deepEqual(names((await pods.list({ namespace: 'default' })).items), ['a', 'b', 'c']);
    await pods.delete((await pods.get({ namespace: 'default', name: 'b' }))!);
    assert.deepEqual(names((await pods.list({ namespace: 'default' })).items), ['a', 'c']);
  });

  withPods('selectors of every form select the same with an index and by looking at each', async (pods) => {
    for (const [name, labels] of [
      ['a', { app: 'web', tier: 'x' }],
      ['b', { app: 'db' }],
      ['c', { app: 'web' }],
    ] as const)
      for (const namespace of ['default', 'other']) await create(pods, podNamed(name, { namespace, labels: { ...labels }, node: 'n1' }));
    const every = (await pods.list()).items;
    for (const text of [
      'app=web',
      'app in (web,db)',
      'app=web,tier!=x',
      'app in (web,db),app in (db)',
      'app',
      '!tier',
      'app notin (web)',
      'tier=x',
    ])
      for (const namespace of [undefined, 'other'])
        for (const fields of [
          undefined,
          onNode('n1').fields,
          onNode('n2').fields,
          [{ name: 'metadata.namespace', operator: '=', value: 'other' } as const],
        ]) {
          const labels = parseLabelSelector(text);
          const found = (await pods.list({ labels, namespace, ...(fields ? { fields } : {}) })).items;
          const expected = every.filter(
            (item) =>
              labels.matches(item.labels) &&
              (!namespace || item.namespace === namespace) &&
              (fields ?? []).every((field) => item.field(field.name) === field.value),
          );
          assert.deepEqual(found, expected, `${text} in ${namespace}`);
        }
  });

  withPods('labels, fields and owners select, and follow updates', async (pods) => {
    const a = await create(pods, podNamed('a', { labels: { app: 'web' }, node: 'n1', owner: 'rs-1' }));
    await create(pods, podNamed('b', { labels: { app: 'web' }, node: 'n2' }));
    await create(pods, podNamed('c', { labels: { app: 'db' }, node: 'n1', owner: 'rs-1' }));
    assert.deepEqual(names((await pods.list(labelled('app', 'web'))).items), ['a', 'b']);
    assert.deepEqual(names((await pods.list(onNode('n1'))).items), ['a', 'c']);
    assert.deepEqual(names((await pods.list({ ...labelled('app', 'web'), ...onNode('n1') })).items), ['a']);
    assert.deepEqual(names(await pods.ownedBy('rs-1')), ['a', 'c']);
    await pods.update(a, podNamed('a', { labels: { app: 'db' }, node: 'n2' }));
    assert.deepEqual(names((await pods.list(labelled('app', 'web'))).items), ['b']);
    assert.deepEqual(names((await pods.list(onNode('n2'))).items), ['a', 'b']);
    assert.deepEqual(names(await pods.ownedBy('rs-1')), ['c']);
    const byName = { fields: [{ name: 'metadata.name', operator: '=' as const, value: 'b' }] };
    assert.deepEqual(names((await pods.list({ ...byName, namespace: 'default' })).items), ['b']);
    assert.deepEqual(names((await pods.list(byName)).items), ['b']);
    const notOnN2 = { fields: [{ name: 'spec.nodeName', operator: '!=' as const, value: 'n2' }] };
    assert.deepEqual(names((await pods.list(notOnN2)).items), ['c']);
  });

  withPods('pages of a list show the moment of the first page, also after changes', async (pods) => {
    for (const name of ['a', 'b', 'c', 'd']) await create(pods, podNamed(name));
    const first = await pods.list({ limit: 2 });
    assert.deepEqual([names(first.items), first.remainingItemCount], [['a', 'b'], 2]);
    const unchanged = await pods.list({ limit: 2, continue: first.continue });
    assert.deepEqual([names(unchanged.items), unchanged.continue], [['c', 'd'], undefined]);
    await create(pods, podNamed('bb'));
    await pods.delete((await pods.get({ namespace: 'default', name: 'c' }))!);
    const second = await pods.list({ limit: 1, continue: first.continue });
    assert.deepEqual([names(second.items), second.resourceVersion], [['c'], first.resourceVersion]);
    const third = await pods.list({ limit: 1, continue: second.continue });
    assert.deepEqual([names(third.items), third.continue], [['d'], undefined]);
  });

  withPods('a page that history has forgotten is 410 with a token to go on by', async (pods, store) => {
    for (const name of ['a', 'b', 'c']) await create(pods, podNamed(name));
    const first = await pods.list({ limit: 1 });
    await create(pods, podNamed('bb'));
    await store.compact(store.revision);
    const error = await pods.list({ limit: 1, continue: first.continue }).catch((caught: unknown) => caught);
    assert.ok(isExpired(error));
    const token = String((error as StatusError).status.metadata['continue']);
    assert.deepEqual(names((await pods.list({ continue: token })).items), ['b', 'bb', 'c']);
  });

  withPods('a token has its time also where nothing has changed since', async (pods, store) => {
    for (const name of ['a', 'b', 'c']) await create(pods, podNamed(name));
    const first = await pods.list({ limit: 1 });
    await store.create('/registry/other/x', Buffer.from('{}'));
    await until(async () => (await pods.list()).resourceVersion !== first.resourceVersion);
    assert.deepEqual(names((await pods.list({ limit: 1, continue: first.continue })).items), ['b']);
    await store.compact(store.revision);
    const error = await pods.list({ limit: 1, continue: first.continue }).catch((caught: unknown) => caught);
    assert.ok(isExpired(error));
    const rest = await pods.list({ continue: String((error as StatusError).status.metadata['continue']) });
    assert.deepEqual([names(rest.items), rest.resourceVersion], [['b', 'c'], String(store.revision)]);
  });

  withPods('resourceVersions: exact, of the past, of the future, and nonsense', async (pods) => {
    await create(pods, podNamed('a'));
    await create(pods, podNamed('b'));
    const exact = await pods.list({ resourceVersion: '2', resourceVersionMatch: 'Exact' });
    assert.deepEqual([names(exact.items), exact.resourceVersion], [['a'], '2']);
    assert.deepEqual(names((await pods.list({ resourceVersion: '2' })).items), ['a', 'b']);
    assert.equal((await pods.list({ resourceVersion: '0' })).resourceVersion, '3');
    await assert.rejects(pods.list({ resourceVersion: 'abc' }), { message: /^invalid resource version: / });
    await assert.rejects(pods.list({ continue: 'abc' }), { message: /^invalid continue token: / });
    await assert.rejects(pods.list({ resourceVersion: '99' }), { message: 'Timeout: Too large resource version: 99, current: 3' });
  });
});

describe('watches', () => {
  withPods('without a revision: first what is there, then what happens', async (pods) => {
    await create(pods, podNamed('b'));
    await create(pods, podNamed('a'));
    const cursor = await pods.watch();
    assert.deepEqual(shown(cursor.read()), ['ADDED a@3', 'ADDED b@2']);
    assert.deepEqual([cursor.read(), cursor.idle, cursor.revision], [[], true, 3]);
    const c = await create(pods, podNamed('c'));
    await pods.delete(await pods.update(c, podNamed('c', { node: 'n' })));
    assert.deepEqual(shown(await readUntil(cursor, 3)), ['ADDED c@4', 'MODIFIED c@5', 'DELETED c@6']);
  });

  withPods('from a revision: what came after it, as one stream of JSON lines', async (pods) => {
    const a = await create(pods, podNamed('a'));
    await create(pods, podNamed('b'));
    await pods.delete(a);
    const cursors = [await pods.watch({ resourceVersion: '2' }), await pods.watch({ resourceVersion: '2' })];
    const [left, right] = cursors.map((cursor) => cursor.readBytes());
    assert.equal(left, right, 'watchers at the same place share the bytes');
    const lines = left!
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map((event) => [event.type, event.object.metadata.name, event.object.metadata.resourceVersion]),
      [
        ['ADDED', 'b', '3'],
        ['DELETED', 'a', '4'],
      ],
    );
  });

  withPods('an object that begins or ceases to match is ADDED or DELETED', async (pods) => {
    const cursor = await pods.watch({ ...onNode('n1'), resourceVersion: '1' });
    const free = await create(pods, podNamed('a'));
    const bound = await pods.update(free, podNamed('a', { node: 'n1', labels: { x: '1' } }));
    const labelledItem = await pods.update(bound, podNamed('a', { node: 'n1', labels: { x: '2' } }));
    const moved = await pods.update(labelledItem, podNamed('a', { node: 'n2', labels: { x: '3' } }));
    await pods.delete(moved);
    const events = await readUntil(cursor, 3);
    assert.deepEqual(shown(events), ['ADDED a@3', 'MODIFIED a@4', 'DELETED a@5']);
    assert.deepEqual(events[2]?.item.object.metadata.labels, { x: '2' }, 'shown as it last matched');
    assert.equal(events[2]?.item.object.metadata.resourceVersion, '5');
    assert.deepEqual(cursor.read(), []);
    assert.equal(cursor.revision, 6, 'what it does not see still moves its bookmark on');
  });

  withPods('initial events end with a bookmark that says so', async (pods) => {
    await create(pods, podNamed('a'));
    const cursor = await pods.watch({ sendInitialEvents: true, resourceVersion: '1' });
    const events = cursor.read();
    assert.deepEqual(
      events.map((event) => event.type),
      ['ADDED', 'BOOKMARK'],
    );
    const { object } = JSON.parse(events[1]!.bytes.toString());
    assert.deepEqual(object, {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { resourceVersion: '2', annotations: { 'k8s.io/initial-events-end': 'true' } },
    });
    assert.equal(JSON.parse(cursor.bookmark().bytes.toString()).object.metadata.resourceVersion, '2');
  });

  withPods('a watcher that does not read gets 410 once the ring has moved past it; others see everything', async (pods) => {
    let item = await create(pods, podNamed('a'));
    const slow = await pods.watch({ resourceVersion: '2' });
    const filtered = await pods.watch({ ...onNode('never'), resourceVersion: '2' });
    let woken = false;
    filtered.onReady(() => {
      woken = true;
    });
    const quick = await pods.watch({ resourceVersion: '2' });
    let seen = 0;
    for (let index = 0; index < 9000; index += 1) {
      item = await pods.update(item, podNamed('a', { labels: { index: String(index) } }));
      if (index % 50 === 0) seen += quick.read().length;
    }
    assert.equal(seen + quick.read().length, 9000);
    assert.throws(() => slow.read(), isExpired);
    assert.deepEqual([filtered.read(), woken], [[], false]);
  });

  withPods('a second server over the same store goes on where a client was, and says 410 for what is forgotten', async (pods, store) => {
    const a = await create(pods, podNamed('a', { node: 'n1' }));
    const b = await create(pods, podNamed('b', { node: 'n1' }));
    await pods.update(a, podNamed('a', { node: 'n2' }));
    await pods.delete(b);
    const restarted = createWatchCache({ store, log });
    await restarted.start();
    const again = restarted.resource(pod);
    await again.list();
    assert.deepEqual(shown((await again.watch({ resourceVersion: '3' })).read()), ['MODIFIED a@4', 'DELETED b@5']);
    assert.deepEqual(shown((await again.watch({ ...onNode('n1'), resourceVersion: '2' })).read()), [
      'ADDED b@3',
      'DELETED a@4',
      'DELETED b@5',
    ]);
    await restarted.stop();
    await store.compact(4);
    const third = createWatchCache({ store, log });
    await third.start();
    await assert.rejects(third.resource(pod).watch({ resourceVersion: '2' }), isExpired);
    await third.stop();
  });

  withPods('many watchers of a namespace see every event once and in order, those of another namespace none', async (pods) => {
    const watched = await Promise.all(Array.from({ length: 40 }, () => pods.watch({ namespace: 'default', resourceVersion: '1' })));
    const elsewhere = await pods.watch({ namespace: 'other', resourceVersion: '1' });
    const future = await pods.watch({ namespace: 'default', resourceVersion: '6' });
    const streams = watched.map(() => '');
    const reading = watched.map(async (cursor, index) => {
      while (!cursor.closed && (streams[index]?.split('\n').length ?? 0) <= 20) {
        await new Promise<void>((resolve) => cursor.onReady(resolve));
        streams[index] += cursor.readBytes()?.toString() ?? '';
      }
    });
    for (let index = 0; index < 20; index += 1) await create(pods, podNamed(`p-${String(index).padStart(2, '0')}`));
    await Promise.all(reading);
    const seen = streams.map((stream) =>
      stream
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).object.metadata.name),
    );
    for (const names of seen)
      assert.deepEqual(
        names,
        Array.from({ length: 20 }, (_, index) => `p-${String(index).padStart(2, '0')}`),
      );
    assert.equal(elsewhere.readBytes(), undefined);
    assert.equal(future.readBytes()?.toString().trim().split('\n').length, 15);
  });

  withPods('history keeps bytes, not objects, and a watcher that comes late is shown the same', async (pods) => {
    let item = await create(pods, podNamed('a'));
    const early = await pods.watch({ resourceVersion: String(item.revision) });
    const first = item;
    const { object } = first;
    const bytes: string[] = [];
    for (let round = 0; round < 400; round += 1) {
      item = await pods.update(item, podNamed('a', { labels: { round: String(round) } }));
      for (const event of await readUntil(early, 1)) bytes.push(event.bytes.toString());
    }
    const last = item.object;
    assert.notEqual(first.object, object);
    assert.deepEqual(first.object, object);
    assert.equal(item.object, last);
    const late = await pods.watch({ resourceVersion: String(first.revision) });
    assert.deepEqual(
      (await readUntil(late, 400)).map((event) => event.bytes.toString()),
      bytes,
    );
  });

  withPods('closing the cache ends every watch', async (pods) => {
    const stop = new AbortController();
    const seen: string[] = [];
    const cursor = await pods.watch();
    const watching = (async () => {
      for await (const events of cursor.batches(stop.signal)) seen.push(...shown(events));
    })();
    await create(pods, podNamed('a'));
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await watching;
    assert.ok(cursor.closed);
  });

  withPods('objects with a time to live are deleted by the store', async (pods, store) => {
    const item = await pods.create({ namespace: 'default', name: 'e' }, podNamed('e'), { ttlSeconds: 3600 });
    const cursor = await pods.watch({ resourceVersion: String(item.revision) });
    await store.revokeLease(1);
    assert.deepEqual(shown(await readUntil(cursor, 1)), ['DELETED e@3']);
  });
});
