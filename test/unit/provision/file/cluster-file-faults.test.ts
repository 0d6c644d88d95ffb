/** Every fault of a cluster file is told with line and column, in words, before anything is made: file text -> what is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../../src/base/errors/slipway-error.ts';
import { readClusterFile } from '../../../../src/provision/file/read-cluster-file.ts';

/** Four lines, so that what a case writes begins in line 5. */
const HEAD = 'apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n';

const reasonOf = (text: string, flags = {}): string => {
  try {
    readClusterFile(text, 'f', flags);
  } catch (error) {
    assert.ok(error instanceof SlipwayError, String(error));
    return error.reason ?? '';
  }
  return 'nothing';
};

/** A pool of a driver: its keys begin in column 15 of line 7. */
const pool = (driver: string, keys: string): string => `  driver: ${driver}\n  pools:\n  - {name: a, ${keys}}\n`;
const USER = 'must be the name of a user such as slipway: a small letter, then at most 30 small letters, digits, _ and -';
const HOST = 'must be a host such as root@192.0.2.11, admin@box.example:2222 or root@[fd00::2]:22';
const PORTS = 'must be a port such as "30080", or one of this computer and one of the machine such as "8080:30080"';
const KEY =
  'must be a key such as disk or example.com/disk: at most 63 letters, digits, -, _ and ., with a DNS name and / before them where wanted';

type Case = readonly [spec: string, ...said: string[]];

const SETTINGS: readonly Case[] = [
  [pool('aws', 'image: foo'), 'f:7:22: spec.pools[0].image: must be the ID of an image such as ami-0a1b2c3d4e5f67890, not "foo"'],
  [pool('kvm', 'image: ""'), 'f:7:22: spec.pools[0].image: must not be empty'],
  [
    pool('kvm', 'image: foo, settings: {imageSha256: abc}'),
    'f:7:51: spec.pools[0].settings.imageSha256: must be a SHA-256 checksum: 64 hexadecimal digits, as sha256sum prints them, not "abc"',
  ],
  [pool('virtualbox', 'settings: {user: "Bad User"}'), `f:7:32: spec.pools[0].settings.user: ${USER}, not "Bad User"`],
  [pool('aws', 'settings: {user: "root; rm -rf /"}'), `f:7:32: spec.pools[0].settings.user: ${USER}, not "root; rm -rf /"`],
  [pool('kvm', 'settings: {bootTimeoutSeconds: -3}'), 'f:7:46: spec.pools[0].settings.bootTimeoutSeconds: must be 1 to 86400, not -3'],
  [
    pool('aws', 'settings: {instanceType: nonsense}'),
    'f:7:40: spec.pools[0].settings.instanceType: must be an instance type such as t3.medium or m6i.8xlarge, not "nonsense"',
  ],
  [
    '  pools:\n  - {name: a}\n  - {name: b, driver: aws, image: foo}\n',
    'f:7:35: spec.pools[1].image: must be the ID of an image such as ami-0a1b2c3d4e5f67890, not "foo"',
  ],
  [
    '  driver: aws\n  drivers: {aws: {clientCidrs: [nonsense, 300.1.1.1/99, 10.0.0.1/8], zones: -4, region: x}}\n',
    'f:6:33: spec.drivers.aws.clientCidrs[0]: must be a range of IPv4 addresses such as 198.51.100.7/32, not "nonsense"',
    'f:6:43: spec.drivers.aws.clientCidrs[1]: must be a range of IPv4 addresses such as 198.51.100.7/32, not "300.1.1.1/99"',
    'f:6:57: spec.drivers.aws.clientCidrs[2]: 10.0.0.1/8 is no range of addresses: 10.0.0.0/8 would be one',
    'f:6:77: spec.drivers.aws.zones: must be 1 to 16, not -4',
    'f:6:89: spec.drivers.aws.region: must be a region such as eu-central-1, not "x"',
  ],
  [
    '  driver: aws\n  drivers: {aws: {nodeCidrs: [lan, 0.0.0.0/0]}}\n',
    'f:6:31: spec.drivers.aws.nodeCidrs[0]: must be a range of IPv4 addresses such as 192.168.7.0/24, not "lan"',
    'f:6:36: spec.drivers.aws.nodeCidrs[1]: 0.0.0.0/0 is every address there is: agents and the overlay would be open to all of them',
  ],
  ['  driver: aws\n  drivers: {aws: {vpc: vpc-1}}\n', 'f:6:24: spec.drivers.aws.vpc: needs subnets as well'],
  ['  driver: aws\n  drivers: {aws: {subnets: [subnet-1]}}\n', 'f:6:19: spec.drivers.aws.subnets: needs vpc as well'],
  [
    '  driver: aws\n  drivers: {aws: {podRoutes: true, vpc: vpc-1, subnets: [subnet-1]}}\n',
    'f:6:30: spec.drivers.aws.podRoutes: cannot be beside vpc: the table of routes has to be that of a network that is made',
  ],
  [
    `  driver: virtualbox\n  drivers: {virtualbox: {publish: ["99999", abc, "8080:30080", 30080]}}\n`,
    `f:6:36: spec.drivers.virtualbox.publish[0]: ${PORTS}, not "99999"`,
    `f:6:45: spec.drivers.virtualbox.publish[1]: ${PORTS}, not "abc"`,
    'f:6:64: spec.drivers.virtualbox.publish[3]: must be a text, not 30080: in quotes it is one, "30080"',
  ],
];

const HOSTS: readonly Case[] = [
  [pool('ssh', 'hosts: ["root@:99999"]'), `f:7:23: spec.pools[0].hosts[0]: ${HOST}, not "root@:99999"`],
  [pool('ssh', 'hosts: ["root@h:99999"]'), 'f:7:23: spec.pools[0].hosts[0]: root@h:99999 has the port 99999: ports are 1 to 65535'],
  [pool('ssh', 'hosts: ["root@fd00::1"]'), `f:7:23: spec.pools[0].hosts[0]: ${HOST}, not "root@fd00::1"`],
  [pool('ssh', 'hosts: ["-oProxyCommand=x"]'), `f:7:23: spec.pools[0].hosts[0]: ${HOST}, not "-oProxyCommand=x"`],
  [pool('ssh', 'hosts: [300.1.1.1]'), 'f:7:23: spec.pools[0].hosts[0]: 300.1.1.1 is no IPv4 address'],
  [pool('ssh', 'hosts: [{host: ""}]'), `f:7:30: spec.pools[0].hosts[0].host: ${HOST}, not ""`],
  [
    pool('ssh', 'hosts: [{host: x, address: "not an address"}]'),
    'f:7:42: spec.pools[0].hosts[0].address: must be an IPv4 address such as 192.0.2.11, not "not an address"',
  ],
  [
    pool('ssh', 'hosts: [root@192.0.2.1, 192.0.2.1, "192.0.2.1:22", {host: "[FD00::1]:22"}, "[fd00:0::1]"]'),
    'f:7:39: spec.pools[0].hosts[1]: spec.pools[0].hosts[0] is this host already: 192.0.2.1',
    'f:7:50: spec.pools[0].hosts[2]: spec.pools[0].hosts[0] is this host already: 192.0.2.1:22',
    'f:7:90: spec.pools[0].hosts[4]: spec.pools[0].hosts[3] is this host already: [fd00:0::1]',
  ],
  [
    pool('ssh', 'hosts: ["192.0.2.1:2201", "192.0.2.1:2202"]'),
    "f:7:41: spec.pools[0].hosts[1]: spec.pools[0].hosts[0] has the address 192.0.2.1 already: give each host its address on the nodes' network",
  ],
  [pool('ssh', 'hosts: [a], settings: {jumpHost: "a@b, c d"}'), `f:7:48: spec.pools[0].settings.jumpHost: " c d": ${HOST}`],
];

const LABELS: readonly Case[] = [
  [
    pool('local', 'labels: {kubernetes.io/hostname: x}'),
    'f:7:48: spec.pools[0].labels.kubernetes.io/hostname: every node says this of itself: leave it out',
  ],
  [
    pool('local', 'labels: {kubernetes.io/os: x}'),
    'f:7:42: spec.pools[0].labels.kubernetes.io/os: every node says this of itself: leave it out',
  ],
  [
    pool('local', 'labels: {kubernetes.io/arch: x}'),
    'f:7:44: spec.pools[0].labels.kubernetes.io/arch: every node says this of itself: leave it out',
  ],
  [
    pool('local', 'labels: {node-role.kubernetes.io/gpu: ""}'),
    'f:7:53: spec.pools[0].labels.node-role.kubernetes.io/gpu: a role is given by roles: [gpu]',
  ],
  [
    pool('local', 'labels: {foo.k8s.io/x: y}'),
    "f:7:38: spec.pools[0].labels.foo.k8s.io/x: foo.k8s.io is Kubernetes' own, and has no such label for nodes; there are topology.kubernetes.io/region, topology.kubernetes.io/zone, kubelet.kubernetes.io/..., node.kubernetes.io/..., node-restriction.kubernetes.io/...",
  ],
  [pool('local', 'labels: {topology.kubernetes.io/zone: z1, node.kubernetes.io/x: y, burst: "true"}')],
  [pool('local', 'labels: {burst: true}'), 'f:7:31: spec.pools[0].labels.burst: must be a text, not true: in quotes it is one, "true"'],
  [pool('local', 'labels: {"a b": c}'), `f:7:31: spec.pools[0].labels.a b: ${KEY}`],
  [
    pool('local', 'taints: ["a=b:NoSchedule", "a=c:NoSchedule", "a:NoExecute"]'),
    'f:7:42: spec.pools[0].taints[1]: taints[0] has this key with this effect already',
  ],
  [pool('local', 'taints: ["k/b/c=v:NoExecute"]'), `f:7:24: spec.pools[0].taints[0]: its key ${KEY}, not "k/b/c"`],
  [
    pool('local', 'taints: ["a=$:NoExecute"]'),
    'f:7:24: spec.pools[0].taints[0]: its value must be at most 63 letters, digits, -, _ and ., not "$"',
  ],
];

const RANGES: readonly Case[] = [
  [
    '  network: {podCidr: 10.89.0.0/16}\n',
    'f:5:22: spec.network.podCidr: 10.89.0.0/16 overlaps spec.drivers.local.subnet, which is 10.89.0.0/16 by default: change either',
  ],
  ['  drivers: {local: {subnet: 10.200.1.0/24}}\n  network: {podCidr: 10.89.0.0/16}\n'],
  [
    '  driver: kvm\n  network: {podCidr: 10.89.128.0/17}\n',
    'f:6:22: spec.network.podCidr: 10.89.128.0/17 overlaps spec.drivers.kvm.subnet, which is 10.89.0.0/16 by default: change either',
  ],
  [
    '  driver: virtualbox\n  network: {serviceCidr: 10.91.0.0/16}\n',
    'f:6:26: spec.network.serviceCidr: 10.91.0.0/16 overlaps spec.drivers.virtualbox.subnet, which is 10.91.0.0/16 by default: change either',
  ],
  [
    '  driver: aws\n  network: {podCidr: 10.100.4.0/22}\n',
    'f:6:22: spec.network.podCidr: 10.100.4.0/22 overlaps spec.drivers.aws.cidr, which is 10.100.0.0/16 by default: change either',
  ],
  ['  driver: aws\n  drivers: {aws: {vpc: vpc-1, subnets: [subnet-1]}}\n  network: {podCidr: 10.100.0.0/16}\n'],
  ['  pools: [{name: a}, {name: b, driver: kvm}]\n  drivers: {local: {subnet: 10.89.5.0/24}}\n'],
  [
    '  network: {podCidr: 127.0.0.0/16}\n',
    'f:5:22: spec.network.podCidr: 127.0.0.0/16 overlaps 127.0.0.0/8, which is the loopback of every computer',
  ],
  ['  network: {podCidr: 224.0.0.0/8}\n', 'f:5:22: spec.network.podCidr: 224.0.0.0/8 overlaps 224.0.0.0/4, which is multicast'],
  [
    '  network: {serviceCidr: 169.254.0.0/16}\n',
    'f:5:26: spec.network.serviceCidr: 169.254.0.0/16 overlaps 169.254.0.0/16, which is link-local',
  ],
  ['  network: {podCidr: 0.0.0.0/16}\n', 'f:5:22: spec.network.podCidr: 0.0.0.0/16 overlaps 0.0.0.0/8, which stands for no address at all'],
  [
    '  network: {podCidr: 300.0.0.0/8}\n',
    'f:5:22: spec.network.podCidr: must be a range of IPv4 addresses such as 10.244.0.0/16, not "300.0.0.0/8"',
  ],
  [
    '  network: {podCidr: 10.244.0.0/25}\n',
    'f:5:22: spec.network.podCidr: 10.244.0.0/25 is too small: each node gets a part of /24 of it (nodeCidrMaskSize), so it must be at most /23',
  ],
  [
    '  network: {podCidr: 10.244.0.0/20, nodeCidrMaskSize: 16}\n',
    'f:5:55: spec.network.nodeCidrMaskSize: must be more than 20, the prefix length of podCidr 10.244.0.0/20',
  ],
];

const SIZES: readonly Case[] = [
  [pool('local', 'memory: 0Gi'), 'f:7:23: spec.pools[0].memory: must be from 512Mi to 64Ti, not "0Gi"'],
  [pool('local', 'memory: 9999999Ti'), 'f:7:23: spec.pools[0].memory: must be from 512Mi to 64Ti, not "9999999Ti"'],
  [pool('local', 'memory: -1Gi'), 'f:7:23: spec.pools[0].memory: must be a size such as 2Gi or 512Mi, not "-1Gi"'],
  [pool('kvm', 'disk: 500Mi'), 'f:7:21: spec.pools[0].disk: must be from 1Gi to 64Ti, not "500Mi"'],
  [pool('local', 'count: 0'), 'f:7:22: spec.pools[0].count: these are 0 nodes, and a cluster has 1 to 150'],
  ['  pools: [{name: a, count: 0}, {name: b}]\n', 'f:5:11: spec.pools[0]: the first pool carries the control plane, and has no node'],
  [pool('local', 'cpus: 0'), 'f:7:21: spec.pools[0].cpus: must be 1 to 1024, not 0'],
  [pool('local', 'memory: 512Mi, disk: 1Gi, cpus: 1')],
];

const ALL_KEYS =
  'there is no such key; here are: version, driver, drivers, controlPlane, pools, network, addons, hooks, manifests, kubeconfig';
const DEEP = 'this lies more than 50 values deep';

const TEXTS: readonly Case[] = [
  ['  constructor: 3\n  toString: {}\n', `f:5:3: spec.constructor: ${ALL_KEYS}`, `f:6:3: spec.toString: ${ALL_KEYS}`],
  ['  __proto__: {driver: ssh}\n', `f:5:3: spec.__proto__: ${ALL_KEYS}`],
  ['  <<: 3\n', 'f:5:7: << merges a map, or a list of maps, into this one: << : *anchor'],
  ['  "<<": {driver: ssh}\n', `f:5:3: spec.<<: ${ALL_KEYS}`],
  ['  ? [a, b]\n  : c\n', 'f:5:5: a key must be a text'],
  ['  : c\n', 'f:5:3: a key must be a text'],
  ['  driver: !mine local\n', 'f:5:11: a tag has no meaning in a cluster file'],
  ['  version: 1.0\n', 'f:5:12: spec.version: must be a version such as 1.2.3, not 1.0'],
  ['  manifests: [""]\n', 'f:5:15: spec.manifests[0]: must not be empty'],
  [
    `  driver: ${'x'.repeat(500_000)}\n`,
    `f:5:11: spec.driver: must be local or ssh or kvm or virtualbox or aws, not "${'x'.repeat(79)}… (500002 characters)`,
  ],
  [`  ${'x'.repeat(900)}: 1\n`, `f:5:3: spec.${'x'.repeat(80)}… (900 characters): ${ALL_KEYS}`],
  [`  driver: ${'['.repeat(200_000)}\n`, `f:5:60: ${DEEP}`],
  [`${Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth + 1)}a:\n`).join('')}`, `f:55:52: ${DEEP}`],
];

const TABLES = { SETTINGS, HOSTS, LABELS, RANGES, SIZES, TEXTS };

for (const [table, cases] of Object.entries(TABLES))
  for (const [spec, ...said] of cases)
    test(`${table.toLowerCase()}: ${JSON.stringify(spec.slice(0, 100))} ${said.length ? 'is told' : 'is right'}`, () => {
      assert.equal(reasonOf(HEAD + spec), said.length ? said.join('\n') : 'nothing');
    });

const FLAGS: readonly [spec: string, flags: object, said: RegExp | string][] = [
  ['  driver: local\n', { memoryMiB: -5 }, 'it must be from 512Mi to 64Ti'],
  ['  driver: local\n', { cpus: 0 }, 'it must be 1 to 1024'],
  ['  driver: local\n', { nodes: 0 }, '--nodes: these are 0 nodes, and a cluster has 1 to 150'],
  ['  driver: local\n', { subnet: '1.2.3.4' }, 'it must be a range of 256 IPv4 addresses such as 10.200.1.0/24'],
  [
    '  driver: local\n',
    { subnet: '10.244.9.0/24' },
    '--subnet: 10.244.9.0/24 overlaps spec.network.podCidr, which is 10.244.0.0/16 by default: change either',
  ],
  ['  driver: aws\n', { subnet: '10.200.9.0/24' }, 'the driver aws has no such setting; for local, kvm, virtualbox there is one'],
  ['  driver: ssh\n', { hosts: ['a', 'root@A'] }, '--host: spec.pools[0].hosts[0] is this host already: root@A'],
  ['  driver: ssh\n', { hosts: ['root@:1'] }, `it ${HOST}`],
  ['  pools: [{name: a, image: ami-12}]\n', { driver: 'kvm', memoryMiB: 1024 }, 'nothing'],
  [
    '  pools: [{name: a, image: foo}]\n',
    { driver: 'aws' },
    'f:5:28: spec.pools[0].image: must be the ID of an image such as ami-0a1b2c3d4e5f67890, not "foo"',
  ],
];

for (const [spec, flags, said] of FLAGS)
  test(`flags over a file: ${JSON.stringify(flags)}`, () => assert.equal(reasonOf(HEAD + spec, flags), said));

test('the name of the command line is no flag', () => {
  assert.deepEqual(readClusterFile(`${HEAD}  driver: local\n`, 'f', { name: 'other' }).overrides, [
    'the name other stands over metadata.name, which is demo',
  ]);
});

test('a file from stdin is tried again from stdin', () => {
  assert.throws(() => readClusterFile('kind: Cluster\n', 'stdin'), {
    advice: ['slipway plan -f -   # after mending it', 'docs/reference/cluster-file.md has every key'],
  });
});

test('a map of many keys takes no time that grows with their square', () => {
  const keys = Array.from({ length: 15_000 }, (_, index) => `  k${index}: 1\n`).join('');
  const startedAt = performance.now();
  assert.match(reasonOf(HEAD + keys), /f:5:3: spec\.k0: .*\n(.*\n){19}and 14980 more$/);
  assert.ok(performance.now() - startedAt < 20_000);
});
