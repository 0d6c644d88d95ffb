/** A cluster from a file: made, changed by changing the file, and gone, with everything that the file names. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const path = join(suite.root, 'cluster.yaml');
const write = (spec: string): void => writeFileSync(path, `apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: filed}\nspec:\n${spec}`);
const succeed = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
const labelsOf = async (node: string) => JSON.parse(await succeed('get', 'node', node, '-o', 'json'));
const said = (name: string): string => readFileSync(join(suite.root, name), 'utf8');

const BASE = `  network: {serviceCidr: 10.97.0.0/16, clusterDomain: lab.internal}
  addons: {storageClass: false}
  hooks:
    beforeUp: ['echo "before $SLIPWAY_CLUSTER" >> hooks.log']
    afterUp: ['test -s "$KUBECONFIG" && echo after >> hooks.log']
    beforeDown: ['echo down >> hooks.log']
    afterDown: ['echo gone >> hooks.log']
  manifests: [objects]
`;
const TWO_POOLS = `${BASE}  pools:
    - {name: main, count: 1}
    - {name: work, count: 1, memory: 1Gi, roles: [gpu], labels: {disk: fast, topology.kubernetes.io/zone: z1}, taints: ["gpu=yes:NoSchedule"]}
`;

after(() => suite.slipway(['down', 'filed', '--force']));

test('up -f makes what the file says', async () => {
  await suite.run(['mkdir', join(suite.root, 'objects')]);
  writeFileSync(join(suite.root, 'objects/map.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-file}\ndata: {a: b}\n');
  writeFileSync(
    join(suite.root, 'objects/kinds.yaml'),
    `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.sea.example}
spec:
  group: sea.example
  scope: Namespaced
  names: {plural: boats, kind: Boat}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
---
apiVersion: sea.example/v1
kind: Boat
metadata: {name: ship}
`,
  );
  write(TWO_POOLS);
  assert.match(await succeed('up', '-f', path, '--yes'), /Cluster filed is ready .*filed-1 .*filed-work-1/);
  const node = await labelsOf('filed-work-1');
  assert.equal(node.metadata.labels.disk, 'fast');
  assert.equal(node.metadata.labels['topology.kubernetes.io/zone'], 'z1');
  assert.equal(node.metadata.labels['node-role.kubernetes.io/gpu'], '');
  assert.deepEqual(node.spec.taints, [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }]);
  assert.match(node.status.capacity.memory, /^1048576Ki|1Gi|1024Mi$/);
  assert.match(await succeed('get', 'service', 'kubernetes'), /10\.97\.0\.1/);
  assert.equal(await succeed('get', 'storageclass', '-o', 'name'), '');
  assert.equal(await succeed('get', 'configmap', 'from-file', '-o', 'jsonpath={.data.a}'), 'b');
  assert.equal(await succeed('get', 'boats', '-o', 'name'), 'boat.sea.example/ship\n');
  assert.equal(said('hooks.log'), 'before filed\nafter\n');
});

test('the same file again changes nothing', async () => {
  assert.match(await succeed('up', '-f', path), /is unchanged/);
});

test('a flag stands over the file, and the result says so', async () => {
  write(`${BASE}  pools:\n    - {name: main, count: 1}\n    - {name: work, count: 1, memory: 1Gi}\n`);
  const result = await suite.slipway(['up', '-f', path, '--memory', '2048', '-o', 'json']);
  assert.equal(result.code, 0, result.stderr);
  const lines = result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines.at(-1).overrides[1], '--memory 2048Mi stands over spec.pools[1].memory, which is 1Gi');
  assert.ok(lines.some((line) => line.type === 'warning' && /filed-work-1 has memoryMiB 1024, and the file 2048/.test(line.message)));
});

test('labels, taints and roles that the file has no more are taken away', async () => {
  const node = await labelsOf('filed-work-1');
  assert.equal(node.metadata.labels.disk, undefined);
  assert.equal(node.metadata.labels['node-role.kubernetes.io/gpu'], undefined);
  assert.deepEqual(node.spec.taints ?? [], []);
});

test('a node that is off goes with --prune, without being waited for', async () => {
  write(`${BASE}  pools: [{name: main, count: 1}, {name: work, count: 2, memory: 1Gi}]\n`);
  await succeed('up', '-f', path);
  await succeed('node', 'kill', 'filed-work-2', '--cluster', 'filed');
  write(`${BASE}  pools: [{name: main, count: 1}, {name: work, count: 1, memory: 1Gi}]\n`);
  const pruned = await suite.slipway(['up', '-f', path, '--prune']);
  assert.equal(pruned.code, 0, pruned.stderr);
  assert.match(pruned.stderr, /filed-work-2 is off: it is removed without being drained/);
});

test('a node less in the file stays with a warning, and goes with --prune', async () => {
  write(`${BASE}  pools: [{name: main, count: 1}]\n`);
  const kept = await suite.slipway(['up', '-f', path]);
  assert.equal(kept.code, 0, kept.stderr);
  assert.match(kept.stderr, /warning: filed-work-1 is not in the file and left: --prune removes/);
  assert.match(await succeed('up', '-f', path, '--prune'), /Cluster filed is ready .*: filed-1 \([\d.]+\)\n/);
  assert.equal(await succeed('get', 'nodes', '-o', 'name'), 'node/filed-1\n');
});

test('a file from stdin, with faults, says where they are', async () => {
  const result = await suite.slipway(['up', '-f', '-'], {
    input: 'apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: x}\nspec: {drivr: local}\n',
  });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /CONFIG_INVALID[\s\S]*stdin:4:8: spec\.drivr: there is no such key; did you mean driver\?/);
});

test('a hook that fails stops up before anything is made', async () => {
  writeFileSync(
    path,
    'apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: hooked}\nspec: {hooks: {beforeUp: ["echo no licence; exit 3"]}}\n',
  );
  const result = await suite.slipway(['up', '-f', path]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /ended with code 3[\s\S]*no licence/);
  assert.doesNotMatch(await succeed('status'), /hooked/);
});

test('down runs its hooks and leaves nothing', async () => {
  write(`${BASE}  pools: [{name: main, count: 1}]\n`);
  await succeed('down', '-f', path);
  assert.match(said('hooks.log'), /down\ngone\n$/);
  assert.deepEqual(await suite.leftovers(), []);
});
