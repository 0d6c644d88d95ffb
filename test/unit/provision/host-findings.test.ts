import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HostFacts } from '../../../src/hosts/facts/host-facts.ts';
import { parseFacts } from '../../../src/hosts/facts/parse-facts.ts';
import { type HostQuestion, hostFindings } from '../../../src/provision/host-findings.ts';
import { sameSubnet } from '../../../src/provision/same-subnet.ts';

const GOOD: HostFacts = {
  ...parseFacts('id=debian\nmachine=x86_64\ninit=systemd\nmemory=2000000', { now: 0 }),
  tools: new Set(['containerd', 'containerd-shim-runc-v2', 'runc', 'nft', 'conntrack', 'ip', 'iptables']),
  cniFolders: ['/usr/lib/cni'],
  freeMiB: new Map([
    ['/usr/local/lib/slipway', 5000],
    ['/var/lib/slipway', 5000],
  ]),
};
const marker = { cluster: 'lab', clusterCreatedAt: '2026-01-01T00:00:00.000Z', node: 'lab-1' };
const ask = (facts: Partial<HostFacts>, more: Partial<HostQuestion> = {}) =>
  hostFindings({
    host: 'lab-1 (root@192.0.2.11)',
    target: 'root@192.0.2.11',
    facts: { ...GOOD, ...facts },
    marker,
    nodes: ['lab-1', 'lab-2'],
    controlPlane: true,
    architecture: 'x64',
    force: false,
    yes: true,
    command: 'slipway node add --cluster lab',
    ...more,
  });
const distribution = (id: string) => ({ id, like: [], version: '', title: id });

const CASES: readonly [what: string, facts: Partial<HostFacts>, code: string | undefined, says: RegExp][] = [
  ['a prepared host', {}, undefined, /^$/],
  ['another architecture', { architecture: 'arm64' }, 'PREFLIGHT_FAILED', /processors are arm64/],
  ['Alpine', { distribution: distribution('alpine'), libc: 'musl' }, 'PREFLIGHT_FAILED', /Alpine is on the list for later/],
  [
    'Arch that lacks packages',
    { distribution: distribution('arch'), tools: new Set() },
    'PREFLIGHT_FAILED',
    /Arch Linux.*lacks containerd/,
  ],
  ['Arch that lacks nothing', { distribution: distribution('arch') }, undefined, /^$/],
  [
    'a full /usr/local',
    { freeMiB: new Map([['/usr/local/lib/slipway', 12]]) },
    'DISK_FULL',
    /12 MiB are free in \/usr\/local\/lib\/slipway/,
  ],
  [
    'a full /var',
    { freeMiB: new Map([['/var/lib/slipway', 40]]) },
    'DISK_FULL',
    /40 MiB are free in \/var\/lib\/slipway, and 300 are needed/,
  ],
  ['a port that is taken', { listening: [22, 6443] }, 'ADDRESS_IN_USE', /port 6443/],
  ['a clock that is far behind', { clockAheadMs: -3_600_000 }, 'PREFLIGHT_FAILED', /3600 s behind/],
  ['little memory', { memoryMiB: 200 }, 'PREFLIGHT_FAILED', /200 MiB of memory/],
  [
    'a node of another cluster',
    { marker: JSON.stringify({ ...marker, cluster: 'other', node: 'other-3' }) },
    'HOST_TAKEN',
    /other-3 of the cluster other/,
  ],
  ['another cluster of the same name', { marker: JSON.stringify({ ...marker, clusterCreatedAt: 'then' }) }, 'HOST_TAKEN', /made at then/],
  ['a marker that nobody can read', { marker: 'x' }, 'HOST_TAKEN', /unknown/],
];

describe('whether a host can be a node', () => {
  for (const [what, facts, code, says] of CASES)
    test(`${what}: ${code ?? 'yes'}`, () => {
      const { errors } = ask(facts);
      assert.deepEqual(
        errors.map((error) => error.code),
        code ? [code] : [],
      );
      assert.match(errors[0]?.message ?? '', says);
    });
  test('everything that is wrong is said at once', () => {
    assert.equal(ask({ architecture: 'arm64', listening: [6443, 10250], memoryMiB: 100 }).errors.length, 4);
  });
  test('packages that are missing are named, unless they may be installed', () => {
    const { errors } = ask({ tools: new Set() }, { yes: false });
    assert.equal(errors[0]?.code, 'PACKAGES_MISSING');
    assert.match(errors[0]?.advice[0] ?? '', /^apt-get install containerd runc .* # on lab-1/);
    assert.match(errors[0]?.advice[1] ?? '', /^slipway node add --cluster lab --yes /);
    assert.deepEqual(ask({ tools: new Set() }).errors, []);
  });
  test('a port that is taken is told with the program that has it, where that is known', () => {
    const listeners = [
      { protocol: 'udp', address: '0.0.0.0', port: 6443, program: 'dns', executable: undefined },
      { protocol: 'tcp', address: '0.0.0.0', port: 6443, program: 'k3s', executable: '/usr/local/bin/k3s' },
    ] as const;
    assert.match(
      ask({ listening: [6443] }, { listeners }).errors[0]?.message ?? '',
      /: k3s \(\/usr\/local\/bin\/k3s\) listens on its port 6443\/tcp/,
    );
    assert.match(ask({ listening: [10250] }, { listeners }).errors[0]?.message ?? '', /: another program listens on its port 10250\/tcp/);
  });
  test('our own node keeps its ports and what it has filled', () => {
    const { errors, owner } = ask({
      marker: JSON.stringify(marker),
      listening: [6443, 10250],
      freeMiB: new Map([['/var/lib/slipway', 1]]),
    });
    assert.deepEqual(errors, []);
    assert.equal(owner, 'us');
  });
  test('a host that is taken comes with what can be typed to have it', () => {
    assert.deepEqual(ask({ marker: JSON.stringify({ ...marker, cluster: 'other' }) }).errors[0]?.advice, [
      'slipway down other',
      'slipway node reset root@192.0.2.11',
      'slipway node add --cluster lab --force   # takes it over, with what runs on it',
    ]);
  });
  test('with force a node of another cluster is taken', () => {
    const { errors, owner } = ask({ marker: JSON.stringify({ ...marker, cluster: 'other' }), listening: [6443, 10250] }, { force: true });
    assert.deepEqual(errors, []);
    assert.equal(owner, 'taken');
  });
  test('a host that is another node of the same cluster is not taken, not even with force; one that was such a node is', () => {
    const twin = { marker: JSON.stringify({ ...marker, node: 'lab-2' }) };
    assert.match(ask(twin, { force: true }).errors[0]?.message ?? '', /it is lab-2 of this cluster: one host, under two names/);
    assert.deepEqual(ask(twin, { force: true, nodes: ['lab-1'] }).errors, []);
  });
  test('a firewall, SELinux and a clock that is a little off are warned of', () => {
    assert.equal(ask({ firewall: 'firewalld', selinuxEnforcing: true, clockAheadMs: 20_000 }).warnings.length, 3);
  });
});

describe('one network', () => {
  const host = (address: string, ...ranges: string[]) => ({
    address,
    facts: {
      addresses: ranges.map((range) => ({ link: 'eth0', address: range.split('/')[0] ?? '', prefixLength: Number(range.split('/')[1]) })),
    },
  });
  const NETWORKS: readonly [what: string, hosts: ReturnType<typeof host>[], expected: boolean][] = [
    ['the same range', [host('192.0.2.11', '192.0.2.11/24'), host('192.0.2.200', '10.0.0.1/8', '192.0.2.200/24')], true],
    ['other ranges', [host('192.0.2.11', '192.0.2.11/25'), host('192.0.2.200', '192.0.2.200/25')], false],
    ['an address behind translation', [host('192.0.2.11', '10.0.0.1/24'), host('192.0.2.12', '10.0.0.2/24')], false],
    ['single addresses', [host('192.0.2.11', '192.0.2.11/32'), host('192.0.2.12', '192.0.2.12/32')], false],
  ];
  for (const [what, hosts, expected] of NETWORKS) test(`${what}: ${expected}`, () => assert.equal(sameSubnet(hosts), expected));
});
