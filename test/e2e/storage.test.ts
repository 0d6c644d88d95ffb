/** A claim that names no class gets a folder on the node of the pod that uses it first; later pods find it, and their way there. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DEMO_IMAGE } from '../support/demo-cluster.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
const apply = async (name: string, manifest: object): Promise<void> => {
  const file = join(suite.root, `${name}.json`);
  writeFileSync(file, JSON.stringify(manifest));
  await slipway('apply', '-f', file);
};
const pod = (name: string, script: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    restartPolicy: 'Never',
    containers: [{ name: 'c', image: DEMO_IMAGE, command: ['sh', '-c', script], volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  },
});
const read = (kind: string, name: string, path: string) => slipway('get', kind, name, '-o', `jsonpath={${path}}`);
const ended = (name: string) =>
  until(async () => /Succeeded|Failed/.test(await read('pod', name, '.status.phase')), { what: `${name} ends`, withinMs: 60_000 });

before(() => slipway('up', 'store', '--yes'));
after(() => suite.slipway(['down', 'store', '--force']));

test('a claim waits for its first pod, is bound on that node, and goes with what it held', async () => {
  assert.match(await slipway('get', 'storageclasses'), /local-path \(default\) +slipway\.local\/path +Delete +WaitForFirstConsumer/);
  await apply('claim', {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
  });
  assert.equal(await read('pvc', 'data', '.spec.storageClassName'), 'local-path');
  assert.equal(await read('pvc', 'data', '.status.phase'), 'Pending');

  await apply('writer', pod('writer', 'echo kept > /data/note'));
  await ended('writer');
  assert.equal(await read('pod', 'writer', '.status.phase'), 'Succeeded');
  const node = await read('pod', 'writer', '.spec.nodeName');
  assert.equal(await read('pvc', 'data', '.status.phase'), 'Bound');
  assert.equal(await read('pvc', 'data', '.metadata.annotations.volume\\.kubernetes\\.io/selected-node'), node);
  const volume = await read('pvc', 'data', '.spec.volumeName');
  assert.equal(await read('pv', volume, '.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]'), node);

  for (const reader of ['reader-1', 'reader-2']) {
    await apply(reader, pod(reader, 'cat /data/note'));
    await ended(reader);
    assert.equal(await read('pod', reader, '.spec.nodeName'), node);
    assert.equal(await slipway('logs', reader), 'kept\n');
  }

  await slipway('delete', 'pod', 'writer', 'reader-1', 'reader-2');
  await slipway('delete', 'pvc', 'data');
  await until(async () => (await suite.slipway(['get', 'pv', volume])).code !== 0, { what: 'the volume goes', withinMs: 30_000 });
});
