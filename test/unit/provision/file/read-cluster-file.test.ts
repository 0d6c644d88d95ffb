/** What is wrong with a cluster file is told with its place, its key, and what was meant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../../src/base/errors/slipway-error.ts';
import { readClusterFile } from '../../../../src/provision/file/read-cluster-file.ts';

const HEAD = 'apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: lab}\n';
const read = (text: string, flags = {}) => readClusterFile(text, 'lab.yaml', flags);
const complaint = (text: string, flags = {}): string => {
  try {
    read(text, flags);
  } catch (error) {
    assert.ok(error instanceof SlipwayError, String(error));
    return `${error.code} ${error.reason}`;
  }
  return 'nothing';
};

test('the smallest file, as YAML and as JSON', () => {
  assert.equal(read(HEAD).file.metadata.name, 'lab');
  assert.deepEqual(read('{"apiVersion":"slipway/v1","kind":"Cluster","metadata":{"name":"lab"},"spec":{}}').file.spec.pools?.[0]?.count, 2);
});

test('anchors, aliases and merge keys work', () => {
  const text = `${HEAD}spec:\n  pools:\n    - &small {name: main, count: 1, cpus: 2, memory: 1Gi}\n    - {<<: *small, name: more, count: 3}\n`;
  assert.deepEqual(read(text).file.spec.pools?.[1], { name: 'more', count: 3, cpus: 2, memory: '1Gi' });
});

const WRONG: readonly [it: string, text: string, says: RegExp][] = [
  ['nothing', '', /lab\.yaml:1:1: the file is empty/],
  ['no YAML', 'apiVersion: [', /lab\.yaml:1:\d+: /],
  ['a key that stands twice', `${HEAD}kind: Cluster\n`, /lab\.yaml:4:1: this key stands twice in one map/],
  ['a second document', `${HEAD}---\n${HEAD}`, /lab\.yaml:5:1: a second document/],
  ['an alias of nothing', `${HEAD}spec: *gone\n`, /lab\.yaml:4:7: .*gone/],
  [
    'a file of another kind',
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n',
    /lab\.yaml:1:13: apiVersion: must be slipway\/v1[\s\S]*:2:7: kind: must be Cluster/,
  ],
  ['no name', 'apiVersion: slipway/v1\nkind: Cluster\nmetadata: {}\n', /lab\.yaml:3:11: metadata\.name: is missing/],
  ['a name with capitals', HEAD.replace('lab', 'Lab'), /:3:18: metadata\.name: must be at most 40 small letters.*"Lab"/],
  ['an unknown key', `${HEAD}spec:\n  drivr: ssh\n`, /lab\.yaml:5:3: spec\.drivr: there is no such key; did you mean driver\?/],
  ['a key without likeness', `${HEAD}spec:\n  zzzzzz: 1\n`, /here are: version, driver, /],
  ['an unknown driver', `${HEAD}spec: {driver: locl}\n`, /spec\.driver: must be local or .*did you mean local\?/],
  [
    'a number as text',
    `${HEAD}spec:\n  pools:\n    - name: main\n      count: three\n`,
    /:7:14: spec\.pools\[0\]\.count: must be a whole number, not "three"/,
  ],
  ['half a node', `${HEAD}spec: {pools: [{name: main, count: 1.5}]}\n`, /must be a whole number, not 1\.5/],
  ['yes for true', `${HEAD}spec: {controlPlane: {dedicated: yes}}\n`, /dedicated: must be true or false, not "yes"/],
  ['a list for a map', `${HEAD}spec: {network: []}\n`, /spec\.network: must be a map, not a list/],
  ['memory without unit', `${HEAD}spec: {pools: [{name: main, memory: 2048}]}\n`, /memory: must be a size such as 2Gi or 512Mi, not 2048/],
  ['two pools of one name', `${HEAD}spec: {pools: [{name: a}, {name: a}]}\n`, /pools\[1\]\.name: spec\.pools\[0\] has the name a already/],
  [
    'a host twice',
    `${HEAD}spec: {driver: ssh, pools: [{name: a, hosts: [x, x]}]}\n`,
    /pools\[0\]\.hosts\[1\]: spec\.pools\[0\]\.hosts\[0\] is this host already: x/,
  ],
  [
    'hosts for a driver that makes machines',
    `${HEAD}spec: {pools: [{name: a, hosts: [x]}]}\n`,
    /hosts: the driver local makes its machines: say count/,
  ],
  ['no hosts for one that does not', `${HEAD}spec: {driver: ssh}\n`, /the driver ssh uses hosts that you have: list them/],
  [
    'a setting of another driver',
    `${HEAD}spec: {pools: [{name: a, settings: {jumpHost: x}}]}\n`,
    /settings\.jumpHost: the driver local has no such setting/,
  ],
  ['an image where there is none to choose', `${HEAD}spec: {pools: [{name: a, image: x}]}\n`, /image: the driver local has no image/],
  ['too many nodes', `${HEAD}spec: {pools: [{name: a, count: 150}, {name: b, count: 1}]}\n`, /151 nodes/],
  [
    'ranges that overlap',
    `${HEAD}spec: {network: {podCidr: 10.96.0.0/12}}\n`,
    /podCidr: 10\.96\.0\.0\/12 overlaps spec\.network\.serviceCidr, which is 10\.96\.0\.0\/16 by default/,
  ],
  [
    'a node range in the pod range',
    `${HEAD}spec:\n  network: {podCidr: 10.200.0.0/16}\n  drivers: {local: {subnet: 10.200.1.0/24}}\n`,
    /:6:29: spec\.drivers\.local\.subnet: 10\.200\.1\.0\/24 overlaps spec\.network\.podCidr, which is 10\.200\.0\.0\/16/,
  ],
  [
    'a host in the Service range',
    `${HEAD}spec: {driver: ssh, pools: [{name: a, hosts: [root@10.96.0.9]}]}\n`,
    /10\.96\.0\.9 lies in spec\.network\.serviceCidr/,
  ],
  ['a range with bits behind its prefix', `${HEAD}spec: {network: {podCidr: 10.50.0.1/16}}\n`, /10\.50\.0\.0\/16 would be one/],
  [
    'a pod range too small for the nodes',
    `${HEAD}spec: {network: {podCidr: 10.50.0.0/23}, pools: [{name: a, count: 3}]}\n`,
    /has 2 parts of \/24, one a node, and the file has 3 nodes/,
  ],
  ['a DNS address elsewhere', `${HEAD}spec: {network: {clusterDns: 10.97.0.1}}\n`, /does not lie in serviceCidr/],
  ['ports the wrong way round', `${HEAD}spec: {network: {nodePortRange: 40000-30000}}\n`, /40000-30000 is no range of ports/],
  [
    'several control planes',
    `${HEAD}spec: {controlPlane: {count: 3}, pools: [{name: a, count: 3}]}\n`,
    /3 control planes: they share a store in etcd, which this version does not install yet/,
  ],
  ['several by role', `${HEAD}spec: {pools: [{name: a, count: 3, roles: [control-plane]}]}\n`, /roles: these are 3 control planes/],
  ['etcd', `${HEAD}spec: {controlPlane: {store: etcd}}\n`, /store: this version does not install etcd yet/],
  ['a version that this is not', `${HEAD}spec: {version: 99.0.0}\n`, /and the file is for 99\.0\.0/],
  [
    'a taint without effect',
    `${HEAD}spec: {pools: [{name: a, taints: [gpu]}]}\n`,
    /taints\[0\]: must be a taint such as gpu=yes:NoSchedule/,
  ],
  ['a label that is none', `${HEAD}spec: {pools: [{name: a, labels: {"a b": c}}]}\n`, /labels\.a b: /],
];

for (const [it, text, says] of WRONG)
  test(`${it} is told`, () => {
    const told = complaint(text);
    assert.match(told, /^CONFIG_INVALID /);
    assert.match(told, says);
  });

test('several errors are told at once, in the order of the file', () => {
  const lines = complaint(`${HEAD}spec:\n  drivr: x\n  pools:\n    - name: main\n      cpus: many\n      lables: {}\n`).split('\n');
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*lab\.yaml:(\d+):.*$/, '$1')),
    ['5', '8', '9'],
  );
});

test('a file of aliases that blow up is refused', () => {
  const levels = Array.from(
    { length: 9 },
    (_, level) =>
      `x${level}: &x${level} [${Array(9)
        .fill(level ? `*x${level - 1}` : '1')
        .join(', ')}]`,
  );
  assert.match(complaint(`${HEAD}${levels.join('\n')}\n`), /too many values|excessive/i);
});

test('flags stand over the file, and it is said which', () => {
  const { file, overrides } = read(`${HEAD}spec: {pools: [{name: main, count: 2}]}\n`, {
    nodes: 3,
    memoryMiB: 512,
    dedicatedControlPlanes: true,
  });
  assert.deepEqual(file.spec.pools, [{ name: 'main', count: 3, memory: '512Mi' }]);
  assert.deepEqual(overrides, [
    '--nodes 3 stands over spec.pools[0].count, which is 2',
    '--memory 512Mi stands over spec.pools[0].memory',
    '--dedicated-control-planes true stands over spec.controlPlane.dedicated',
  ]);
});

test('a flag that could mean several pools, or makes the file wrong, is refused', () => {
  assert.match(complaint(`${HEAD}spec: {pools: [{name: a}, {name: b}]}\n`, { nodes: 3 }), /USAGE the file has the pools a, b/);
  assert.match(complaint(`${HEAD}spec: {pools: [{name: a}]}\n`, { driver: 'ssh' }), /uses hosts that you have/);
});
