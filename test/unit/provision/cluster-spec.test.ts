import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClusterSpec, type ClusterWishes, checkName, clusterSpec } from '../../../src/provision/spec/cluster-spec.ts';
import type { MoreNodes } from '../../../src/provision/spec/more-nodes.ts';
import { firstAddress } from '../../../src/provision/steps/node-leaves.ts';

const names = (wishes: ClusterWishes, known?: ReturnType<typeof clusterSpec>): string[] =>
  clusterSpec(wishes, known).nodes.map((node) => node.name);

test('a cluster has two nodes, of which the first carries the control plane, unless told otherwise', () => {
  const spec = clusterSpec({ name: 'demo' });
  assert.deepEqual(
    spec.nodes.map((node) => [node.name, node.controlPlane]),
    [
      ['demo-1', true],
      ['demo-2', false],
    ],
  );
  assert.equal(spec.driver, 'local');
});

test('what is not said again stays; more nodes come behind those that there are', () => {
  const known = clusterSpec({ name: 'a', nodes: 3, dedicatedControlPlanes: true, subnet: '10.200.1.0/24' });
  assert.deepEqual(clusterSpec({ name: 'a' }, known), known);
  assert.deepEqual(names({ name: 'a', nodes: 4 }, known), ['a-1', 'a-2', 'a-3', 'a-4']);
});

test('the place of a node that was removed is taken again', () => {
  const known = clusterSpec({ name: 'a', nodes: 3 });
  const without = { ...known, nodes: known.nodes.filter((node) => node.name !== 'a-2') };
  assert.deepEqual(names({ name: 'a', nodes: 3 }, without), ['a-1', 'a-3', 'a-2']);
});

test('hosts make it a cluster over SSH, one node each; added hosts go to the new nodes', () => {
  const spec = clusterSpec({ name: 'lab', hosts: ['root@192.0.2.1', 'root@192.0.2.2'] });
  assert.equal(spec.driver, 'ssh');
  assert.deepEqual(
    spec.nodes.map((node) => node.settings['host']),
    ['root@192.0.2.1', 'root@192.0.2.2'],
  );
  const grown = clusterSpec({ name: 'lab', added: { count: 1, hosts: ['root@192.0.2.3'] } }, spec);
  assert.equal(grown.nodes[2]?.settings['host'], 'root@192.0.2.3');
});

/** As a file makes it: a control plane on this computer, virtual machines with an image, and hosts. */
const mixed = (): ClusterSpec => {
  const { nodes, ...spec } = clusterSpec({ name: 'mixed', nodes: 1 });
  const node = { controlPlane: false, labels: {}, taints: [] };
  const settings = { identityFile: '/keys/rack', sudoPasswordFile: '/keys/sudo' };
  return {
    ...spec,
    nodes: [
      ...nodes,
      {
        ...node,
        name: 'mixed-vms-1',
        pool: 'vms',
        driver: 'kvm',
        cpus: 2,
        memoryMiB: 2048,
        diskGiB: 10,
        roles: ['gpu'],
        labels: { place: 'here' },
        taints: ['only=gpu:NoSchedule'],
        settings: { image: '/images/debian.qcow2' },
      },
      {
        ...node,
        name: 'mixed-rack-1',
        pool: 'rack',
        driver: 'ssh',
        settings: { ...settings, host: 'root@192.0.2.1', address: '10.0.0.1' },
      },
    ],
  };
};
const added = (wishes: MoreNodes) => clusterSpec({ name: 'mixed', added: wishes }, mixed()).nodes.slice(3);

test('a node that comes is like those of its pool, and has nothing of what is of one node alone', () => {
  const [vm] = added({ count: 1, pool: 'vms' });
  assert.deepEqual(vm, { ...mixed().nodes[1], name: 'mixed-vms-2' });
  const [host] = added({ count: 1, pool: 'rack', hosts: ['root@192.0.2.2'] });
  assert.equal(host?.name, 'mixed-rack-2');
  assert.deepEqual(host?.settings, { identityFile: '/keys/rack', sudoPasswordFile: '/keys/sudo', host: 'root@192.0.2.2' });
});

test('without a pool it comes to main; with a host, to the pool that is made of hosts', () => {
  assert.deepEqual(
    added({ count: 2 }).map(({ name, pool, driver, controlPlane }) => [name, pool, driver, controlPlane]),
    [
      ['mixed-2', 'main', 'local', false],
      ['mixed-3', 'main', 'local', false],
    ],
  );
  assert.deepEqual(
    added({ count: 1, hosts: ['h'] }).map(({ name, pool, driver }) => [name, pool, driver]),
    [['mixed-rack-2', 'rack', 'ssh']],
  );
});

test('hosts for a pool of another driver, and none for one of hosts, are refused with the pool that is meant', () => {
  assert.throws(() => added({ count: 1, pool: 'vms', hosts: ['h'] }), {
    code: 'USAGE',
    message: /the driver kvm, which takes none/,
    advice: ['slipway node add --cluster mixed --pool vms', 'slipway node add --cluster mixed --pool rack --host h'],
  });
  assert.throws(() => added({ count: 1, pool: 'rack' }), {
    code: 'USAGE',
    message: /the pool rack of mixed.*a new node needs one/s,
    advice: [
      'slipway node add --cluster mixed --pool rack --host root@192.0.2.11',
      'slipway node add --cluster mixed --pool main',
      'slipway node add --cluster mixed --pool vms',
    ],
  });
  assert.throws(() => added({ count: 1, pool: 'racks' }), { code: 'USAGE', message: /its nodes are of main, vms, rack/ });
  const local = clusterSpec({ name: 'demo' });
  for (const wishes of [
    { name: 'demo', added: { count: 1, hosts: ['root@192.0.2.1'] } },
    { name: 'demo', hosts: ['a', 'b', 'c'] },
    { name: 'demo', hosts: ['a', 'b'] },
  ])
    assert.throws(() => clusterSpec(wishes, local), {
      code: 'USAGE',
      message: /the driver local(, which takes none| has no such setting; for ssh there is one)/,
    });
  assert.throws(() => clusterSpec({ name: 'new', driver: 'local', hosts: ['a'] }), { code: 'USAGE' });
});

const REFUSED: readonly [wishes: ClusterWishes, code: string][] = [
  [{ name: 'A' }, 'NAME_INVALID'],
  [{ name: '-a' }, 'NAME_INVALID'],
  [{ name: '' }, 'NAME_INVALID'],
  [{ name: 'a'.repeat(41) }, 'NAME_INVALID'],
  [{ name: 'a', nodes: 0 }, 'USAGE'],
  [{ name: 'a', nodes: 1.5 }, 'USAGE'],
  [{ name: 'a', nodes: 100_000 }, 'USAGE'],
  [{ name: 'a', controlPlanes: 0 }, 'USAGE'],
  [{ name: 'a', controlPlanes: 2 }, 'USAGE'],
  [{ name: 'a', hosts: ['x'], nodes: 2 }, 'USAGE'],
  [{ name: 'a', memoryMiB: -5 }, 'USAGE'],
  [{ name: 'a', memoryMiB: 0 }, 'USAGE'],
  [{ name: 'a', cpus: 0 }, 'USAGE'],
  [{ name: 'a', driver: 'cloud9' }, 'DRIVER_UNKNOWN'],
  [{ name: 'a', driver: 'local', hosts: ['x'] }, 'USAGE'],
  [{ name: 'a', driver: 'aws', subnet: '10.200.1.0/24' }, 'USAGE'],
  [{ name: 'a', identityFile: '/key' }, 'USAGE'],
];

for (const [wishes, code] of REFUSED)
  test(`${JSON.stringify(wishes).slice(0, 60)} is refused with ${code}`, () => assert.throws(() => clusterSpec(wishes), { code }));

const CAUSES: readonly [wishes: ClusterWishes, cause: string][] = [
  [{ name: 'a', hosts: ['x', 'root@X:22'] }, 'a-1 is this host already: root@X:22'],
  [{ name: 'a', hosts: ['root@:1'] }, 'it must be a host such as root@192.0.2.11, admin@box.example:2222 or root@[fd00::2]:22'],
  [{ name: 'a', driver: 'ssh' }, 'it uses hosts that you have, and none is given with --host for a-1, a-2'],
  [{ name: 'a', subnet: '1.2.3.4' }, 'it must be a range of 256 IPv4 addresses such as 10.200.1.0/24'],
  [{ name: 'a', subnet: '10.244.9.0/24' }, '10.244.9.0/24 overlaps the range of pods, which is 10.244.0.0/16 by default: change either'],
  [{ name: 'a', subnet: '127.0.0.0/24' }, '127.0.0.0/24 overlaps 127.0.0.0/8, which is the loopback of every computer'],
];

for (const [wishes, reason] of CAUSES)
  test(`${JSON.stringify(wishes)} is refused in words`, () => assert.throws(() => clusterSpec(wishes), { code: 'USAGE', reason }));

test('a node more needs a host that no other node has', () => {
  const known = clusterSpec({ name: 'lab', hosts: ['root@192.0.2.1'] });
  assert.throws(() => clusterSpec({ name: 'lab', nodes: 2 }, known), { reason: /a new node needs one, and none is given/ });
  assert.throws(() => clusterSpec({ name: 'lab', added: { count: 1, hosts: ['192.0.2.1:22'] } }, known), {
    reason: /lab-1 is this host already/,
  });
  assert.equal(clusterSpec({ name: 'lab', added: { count: 1, hosts: ['192.0.2.2'] } }, known).nodes.length, 2);
});

test('fewer nodes, and another driver, are refused for a cluster that exists', () => {
  const known = clusterSpec({ name: 'a', nodes: 3 });
  assert.throws(() => clusterSpec({ name: 'a', nodes: 2 }, known), { code: 'USAGE', advice: ['slipway node remove a-3 --cluster a'] });
  assert.throws(() => clusterSpec({ name: 'a', driver: 'ssh' }, known), { code: 'CLUSTER_EXISTS' });
});

test('a bad name comes with a good one', () => {
  assert.throws(() => checkName('My Cluster!', 'cluster'), { advice: ['slipway up my-cluster'] });
});

test('the kubernetes Service has the first address of its range', () => {
  assert.equal(firstAddress('10.96.0.0/16'), '10.96.0.1');
});

test('new addresses of hosts are told with --host: those that are nodes stay theirs, in whatever order', () => {
  const { nodes, ...spec } = clusterSpec({ name: 'lab', hosts: ['root@192.0.2.1', 'root@192.0.2.2'], jumpHost: 'root@192.0.2.9' });
  const known = {
    ...spec,
    nodes: nodes.map((node) => ({ ...node, settings: { ...node.settings, address: `10.0.0.${node.name.at(-1)}` } })),
  };
  const told = (wishes: Partial<ClusterWishes>) =>
    clusterSpec({ name: 'lab', ...wishes }, known).nodes.map(({ settings }) => [
      settings['host'],
      settings['address'],
      settings['jumpHost'],
    ]);
  const gate = 'root@192.0.2.9';
  assert.deepEqual(told({ hosts: ['root@192.0.2.11', 'root@192.0.2.12'] }), [
    ['root@192.0.2.11', undefined, gate],
    ['root@192.0.2.12', undefined, gate],
  ]);
  assert.deepEqual(told({ hosts: ['admin@192.0.2.2', 'root@192.0.2.11'], jumpHost: 'root@192.0.2.8' }), [
    ['root@192.0.2.11', undefined, 'root@192.0.2.8'],
    ['admin@192.0.2.2', '10.0.0.2', 'root@192.0.2.8'],
  ]);
  assert.deepEqual(
    told({ hosts: ['root@192.0.2.3', 'root@192.0.2.1', 'root@192.0.2.2'] }).map(([host]) => host),
    ['root@192.0.2.1', 'root@192.0.2.2', 'root@192.0.2.3'],
  );
  assert.throws(() => told({ hosts: ['root@192.0.2.11', '192.0.2.11:22'] }), { code: 'USAGE', message: /lab-1 is this host already/ });
  assert.deepEqual(
    clusterSpec({ name: 'lab', identityFile: '/keys/new' }, known).nodes.map(({ settings }) => settings['identityFile']),
    ['/keys/new', '/keys/new'],
  );
});
