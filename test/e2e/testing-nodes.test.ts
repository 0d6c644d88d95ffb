/** `startCluster({ nodes })`: a fixture with real containers. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { resource, type Stored, startCluster } from '../../src/testing/index.ts';
import { DEMO_IMAGE } from '../support/demo-cluster.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);

const fixtures = (): string[] => readdirSync('/var/tmp').filter((name) => name.startsWith('slipway-testing-'));

/** What a host sees of clusters: links, mounts and processes are the suite's own, and folders of fixtures have names of their own. */
const traces = async (): Promise<string[]> =>
  (await suite.leftovers()).filter((line) => !line.startsWith('control group') && !line.startsWith('data'));

test('a pod runs for real, its log is fetched, and nothing is left behind', async () => {
  const before = fixtures();
  const cluster = await startCluster({ nodes: 1 });
  try {
    const pod = { metadata: { name: 'web', namespace: 'default' }, spec: { containers: [{ name: 'web', image: DEMO_IMAGE }] } };
    await cluster.client.create(resource('pods'), pod);
    await until(
      async () =>
        (await cluster.client.get<Stored<Pod>>(resource('pods'), { namespace: 'default', name: 'web' })).status?.phase === 'Running',
      { what: 'the pod', withinMs: 60_000 },
    );
    await until(
      async () => (await (await cluster.fetch('/api/v1/namespaces/default/pods/web/log')).text()).includes('demo version 1 listens'),
      { what: 'its log' },
    );
    const kubectl = await suite.slipway(['get', 'nodes'], { env: { KUBECONFIG: cluster.kubeconfigPath } });
    assert.match(kubectl.stdout, /Ready/);
  } finally {
    await cluster.stop();
  }
  assert.deepEqual(await traces(), []);
  assert.deepEqual(fixtures(), before);
});

test('one whose process was killed is removed by the next', async () => {
  const script = `const { startCluster } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/testing/index.ts'))});
    await startCluster({ nodes: 1 }); console.log('runs'); setInterval(() => {}, 1000);`;
  const killed = suite.start([process.execPath, '--input-type=module', '-e', script]);
  await until(async () => killed.output().includes('runs'), { what: 'the first fixture', withinMs: 90_000 });
  killed.signal('SIGKILL');
  await killed.ended;
  assert.notDeepEqual(await traces(), []);
  const next = await startCluster({ nodes: 1 });
  await next.stop();
  assert.deepEqual(await traces(), []);
});

test('options that a whole cluster cannot have are refused at once', async () => {
  await assert.rejects(startCluster({ nodes: 1, store: 'memory', fakeNodes: 2 }), /store, fakeNodes cannot be chosen/);
  await assert.rejects(startCluster({ nodes: 1, images: ['/nowhere.tar'] }), /nowhere\.tar/);
  assert.deepEqual(await traces(), []);
});
