import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMap } from '../../../src/api/core/config-map.ts';
import type { KubeObject } from '../../../src/api/meta/object.ts';
import { FollowedObjects } from '../../../src/apiserver/admission/followed-objects.ts';
import { createWatchCache } from '../../../src/apiserver/watch/create-watch-cache.ts';
import { createLogger } from '../../../src/base/log/logger.ts';
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts';
import { until } from '../../support/until.ts';

const named = (name: string): KubeObject => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'default' } });

test('a change is told once, also when somebody has read it before the news of it arrives', async () => {
  const store = createMemoryStore();
  const cache = createWatchCache({ store, log: createLogger({ level: 'silent' }) });
  await cache.start();
  const followed = new FollowedObjects(cache, [configMap], ([maps = []]) => maps.map(({ metadata }) => metadata.name));
  let told = 0;
  try {
    assert.deepEqual(await followed.current(), []);
    const maps = cache.resource(configMap);
    // With many watchers the news of a change comes late.
    const others = await Promise.all(Array.from({ length: 60 }, () => maps.watch()));
    for (const name of ['a', 'b', 'c']) {
      const before = told;
      followed.onChange(() => {
        told += 1;
      });
      await maps.create({ namespace: 'default', name }, named(name));
      assert.ok((await followed.current()).includes(name));
      await until(() => told === before + 1, { withinMs: 1000 });
    }
    await until(() => others.every((cursor) => cursor.read().length === 3 || cursor.idle));
    assert.equal(told, 3);
  } finally {
    followed.close();
    await cache.stop();
    await store.close();
  }
});
