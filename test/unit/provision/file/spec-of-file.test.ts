/** What a cluster file makes of a cluster: nodes with names, pools and roles; and what a changed file does to one that exists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SlipwayError } from '../../../../src/base/errors/slipway-error.ts';
import { checkNewNodes } from '../../../../src/provision/file/check-new-nodes.ts';
import { readClusterFile } from '../../../../src/provision/file/read-cluster-file.ts';
import { type FileOutcome, wishedSpec } from '../../../../src/provision/file/spec-of-file.ts';
import { type ClusterSpec, type ClusterWishes, clusterSpec } from '../../../../src/provision/spec/cluster-spec.ts';

const outcome = (spec: string, known?: ClusterSpec): FileOutcome => {
  const { file, refuse } = readClusterFile(`apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: lab}\nspec: ${spec}\n`, 'lab.yaml');
  return wishedSpec({ name: 'lab', file: { content: file, folder: '/srv', refuse } }, known);
};
const names = (of: FileOutcome): string[] => of.spec.nodes.map((node) => node.name);

test('pools give their nodes names, sizes, labels and drivers', () => {
  const { spec } = outcome(
    '{pools: [{name: main, count: 1, memory: 1.5Gi}, {name: big, count: 2, cpus: 4, disk: 20Gi, labels: {a: b}, roles: [gpu]}, {name: rack, driver: ssh, hosts: [root@h1, {host: h2, name: odd}]}]}',
  );
  assert.deepEqual(
    spec.nodes.map((node) => [node.name, node.pool, node.driver, node.controlPlane]),
    [
      ['lab-1', 'main', 'local', true],
      ['lab-big-1', 'big', 'local', false],
      ['lab-big-2', 'big', 'local', false],
      ['lab-rack-1', 'rack', 'ssh', false],
      ['odd', 'rack', 'ssh', false],
    ],
  );
  assert.equal(spec.nodes[0]?.memoryMiB, 1536);
  assert.deepEqual([spec.nodes[1]?.diskGiB, spec.nodes[1]?.labels, spec.nodes[1]?.roles], [20, { a: 'b' }, ['gpu']]);
  assert.deepEqual(spec.nodes[4]?.settings, { host: 'h2' });
});

test('the pool with the role control-plane carries it, wherever it stands', () => {
  const { spec } = outcome('{pools: [{name: work, count: 2}, {name: head, roles: [control-plane]}]}');
  assert.deepEqual(
    spec.nodes.filter((node) => node.controlPlane).map((node) => node.name),
    ['lab-head-1'],
  );
});

test('the address of DNS follows the range of Services', () => {
  assert.equal(outcome('{network: {serviceCidr: 10.50.0.0/20}}').spec.network.clusterDns, '10.50.0.10');
});

test('manifests and hooks are found from the folder of the file', () => {
  const { spec } = outcome('{manifests: [web.yaml, /etc/more.yaml], hooks: {afterUp: ["true"]}}');
  assert.deepEqual(spec.manifests, ['/srv/web.yaml', '/etc/more.yaml']);
  assert.deepEqual(spec.hooks, { folder: '/srv', commands: { afterUp: ['true'] } });
});

test('the same file again changes nothing', () => {
  const text = '{pools: [{name: main, count: 2}, {name: big, count: 1, cpus: 2}]}';
  const { spec } = outcome(text);
  assert.deepEqual(outcome(text, spec), { spec, removed: [], differing: [] });
});

test('a cluster that flags have made is taken over by a file with the pool main', () => {
  const again = outcome('{pools: [{name: main, count: 3}]}', clusterSpec({ name: 'lab', nodes: 2 }));
  assert.deepEqual(names(again), ['lab-1', 'lab-2', 'lab-3']);
  assert.deepEqual(again.removed, []);
});

test('fewer nodes are named as removed, never the one with the control plane', () => {
  const { spec } = outcome('{pools: [{name: main, count: 3}]}');
  const less = outcome('{pools: [{name: main, count: 1}]}', spec);
  assert.deepEqual([names(less), less.removed.map((node) => node.name)], [['lab-1'], ['lab-2', 'lab-3']]);
});

test('hosts are known by their address: a host that goes is the node that goes', () => {
  const { spec } = outcome('{driver: ssh, pools: [{name: main, hosts: [a, b, c]}]}');
  const less = outcome('{driver: ssh, pools: [{name: main, hosts: [c, a, d]}]}', spec);
  assert.deepEqual(names(less), ['lab-3', 'lab-1', 'lab-4']);
  assert.deepEqual(
    less.removed.map((node) => node.name),
    ['lab-2'],
  );
});

test('a host is known however it is written', () => {
  const { spec } = outcome('{driver: ssh, pools: [{name: main, hosts: [root@192.0.2.1, Box]}]}');
  const again = outcome('{driver: ssh, pools: [{name: main, hosts: [box, "192.0.2.1:22"]}]}', spec);
  assert.deepEqual([names(again), again.removed], [['lab-2', 'lab-1'], []]);
});

test('the size of what exists stays, and is told', () => {
  const { spec } = outcome('{pools: [{name: main, count: 2, cpus: 2}]}');
  const more = outcome('{pools: [{name: main, count: 3, cpus: 4}]}', spec);
  assert.deepEqual(
    more.spec.nodes.map((node) => node.cpus),
    [2, 2, 4],
  );
  assert.deepEqual(more.differing[0], { node: 'lab-1', key: 'cpus', now: '2', wanted: '4' });
});

test('when a machine took the place of another is no matter of the file, and stays', () => {
  const { spec } = outcome('{pools: [{name: main, count: 2}]}');
  const since = '2026-11-29T08:00:00.000Z';
  const nodes = spec.nodes.map((node) => (node.name === 'lab-2' ? { ...node, since } : node));
  assert.equal(outcome('{pools: [{name: main, count: 2}]}', { ...spec, nodes }).spec.nodes[1]?.since, since);
});

test('machines that are to be made need an image that is there; those that stand need none', async () => {
  const wish = (spec: string) => {
    const text = `apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: lab}\nspec:\n  driver: kvm\n${spec}`;
    const { file, refuse } = readClusterFile(text, 'lab.yaml');
    return { name: 'lab', file: { content: file, folder: '/srv', refuse } };
  };
  const reasonOf = async (wishes: ClusterWishes, known?: ClusterSpec): Promise<string | undefined> =>
    checkNewNodes(wishes, wishedSpec(wishes, known).spec, known).then(
      () => undefined,
      (error: SlipwayError) => error.reason,
    );
  const none = wish('  pools: [{name: a}]\n');
  assert.equal(await reasonOf(none), 'lab.yaml:6:11: spec.pools[0].image: the driver kvm needs image');
  assert.equal(await reasonOf(none, wishedSpec(none).spec), undefined);
  assert.equal(
    await reasonOf(
      wish('  pools: [{name: a, count: 2, image: /no.qcow2}, {name: b, settings: {kernel: /no}}]\n  drivers: {kvm: {image: /etc}}\n'),
    ),
    'lab.yaml:6:38: spec.pools[0].image: there is no file /no.qcow2\nlab.yaml:6:79: spec.pools[1].settings.kernel: there is no file /no\nlab.yaml:7:26: spec.drivers.kvm.image: there is no file /etc',
  );
  assert.equal(await reasonOf(wish('  drivers: {kvm: {image: https://images.example/a.qcow2}}\n')), undefined);
  assert.equal(await reasonOf(wish('  drivers: {kvm: {image: /no}}\n  hooks: {beforeUp: [fetch /no]}\n')), undefined);
  assert.match((await reasonOf({ name: 'lab', driver: 'kvm' })) ?? '', /^the driver kvm needs image, and only a cluster file can say it/);
});

test('what cannot be changed any more is refused', () => {
  const { spec } = outcome('{}');
  assert.throws(() => outcome('{network: {podCidr: 10.50.0.0/16}}', spec), {
    code: 'CONFIG_INVALID',
    message: /lab\.yaml:4:27: spec\.network\.podCidr: it is 10\.244\.0\.0\/16 since/,
  });
  const places = (text: string): string[] => {
    try {
      outcome(text, spec);
    } catch (error) {
      return (error as SlipwayError).reason?.split('\n') ?? [];
    }
    return [];
  };
  assert.deepEqual(places('{network: {serviceCidr: 10.50.0.0/16, clusterDomain: lab.internal}, pools: [{name: other}]}'), [
    'lab.yaml:4:31: spec.network.serviceCidr: it is 10.96.0.0/16 since the cluster was made, and cannot become 10.50.0.0/16',
    'lab.yaml:4:60: spec.network.clusterDomain: it is cluster.local since the cluster was made, and cannot become lab.internal',
    'lab.yaml:4:75: spec.pools: lab-1 carries the control plane, and the file has no place for it (pool main)',
  ]);
});
