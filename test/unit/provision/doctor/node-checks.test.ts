import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockFindings } from '../../../../src/provision/doctor/clocks.ts';
import { NODE_CHECKS, type NodeRole } from '../../../../src/provision/doctor/node-checks.ts';
import { type NodeFacts, parseNodeFacts } from '../../../../src/provision/doctor/node-facts.ts';
import { findingsFor } from '../../../../src/provision/doctor/reachability.ts';

/** As a host tells it on which nothing is wrong. */
const WELL = `== clock
1700000000500000000
== kernel
6.12.0
== controllers
cpu
memory
pids
== filesystems
ext4
overlay
== settings
fs.inotify.max_user_instances 8192
fs.inotify.max_user_watches 1048576
net.ipv4.ip_forward 1
net.netfilter.nf_conntrack_max 262144
net.netfilter.nf_conntrack_count 10
== swap
== memory
4000000
== disks
/var/lib/slipway 50000000 30000000 10%
/var/log/pods 50000000 30000000 10%
== listeners
tcp   LISTEN 0      511          0.0.0.0:6443      0.0.0.0:*    users:(("node",pid=7,fd=21))
tcp   LISTEN 0      511             [::]:10250        [::]:*    users:(("node",pid=8,fd=21))
udp   UNCONN 0      0            0.0.0.0:4789      0.0.0.0:*
tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=9,fd=3))
== executables
7 /usr/local/lib/slipway/node
8 /usr/local/lib/slipway/node (deleted)
9 /usr/sbin/sshd
== nameservers
192.0.2.53
== forward
-P FORWARD ACCEPT
== chains
table inet slipway {
chain forward {
type filter hook forward priority filter; policy accept;
}
}
== containerd
containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3
== cni
ptp
portmap
`;

const ROLE: NodeRole = {
  name: 'a',
  controlPlane: true,
  isNode: true,
  podCidr: '10.244.0.0/16',
  clusterDns: '10.96.0.10',
  nodePortRange: [30000, 32767],
};
const factsOf = (text: string): NodeFacts => parseNodeFacts(text, { before: 1_700_000_000_400, after: 1_700_000_000_600 });
const problemsOf = (text: string, role: Partial<NodeRole> = {}): string[] =>
  NODE_CHECKS.flatMap((check) => check(factsOf(text), { ...ROLE, ...role })).map(({ severity, problem, fix }) => {
    assert.ok(fix.length > 5, 'each finding says what mends it');
    return `${severity}: ${problem}`;
  });

test('a host on which nothing is wrong has no findings', () => {
  assert.deepEqual(problemsOf(WELL), []);
  assert.equal(factsOf(WELL).clockOffsetMs, 0);
});

test('a host that tells nothing has none either: nothing is concluded from what is not known', () => {
  assert.deepEqual(problemsOf(''), []);
});

const ROWS: readonly [what: string, from: string | RegExp, to: string, finding: RegExp, role?: Partial<NodeRole>][] = [
  [
    'API port',
    '7 /usr/local/lib/slipway/node',
    '7 /usr/bin/node',
    /^error: Port 6443\/tcp, which the API server needs, is taken by node \(\/usr\/bin\/node\)/,
  ],
  ['agent port', '8 /usr/local/lib/slipway/node (deleted)', '8 /usr/bin/kubelet', /^error: Port 10250\/tcp, which the node agent needs/],
  ['proxy port', ':22 ', ':10256 ', /^error: Port 10256\/tcp.*sshd/],
  ['etcd port', ':22 ', ':2379 ', /^error: Port 2379\/tcp.*etcd needs/],
  ['VXLAN port', '0.0.0.0:*\n', '0.0.0.0:* users:(("vpn",pid=3,fd=1))\n', /^error: Port 4789\/udp.*vpn/],
  ['node ports', ':22 ', ':30080 ', /^warning: Ports of the range for NodePort.*30080\/tcp \(sshd\)/],
  ['inotify', 'max_user_instances 8192', 'max_user_instances 128', /^warning: fs.inotify.max_user_instances is 128/],
  ['control groups', 'memory\npids', 'pids', /^error: .*switched off: memory/],
  ['overlay', 'overlay\n', '', /^error: The kernel has no overlay/],
  ['forwarding', 'ip_forward 1', 'ip_forward 0', /^error: net.ipv4.ip_forward is 0/],
  ['iptables', '-P FORWARD ACCEPT', '-P FORWARD DROP', /^error: A firewall drops .*iptables/],
  ['ufw', '-P FORWARD ACCEPT', '-P FORWARD ACCEPT\n-A FORWARD -j REJECT', /^error: A firewall drops .*iptables/],
  ['nftables', 'policy accept', 'policy drop', /^error: A firewall drops .*chain inet slipway forward of nftables/],
  ['br_netfilter', 'ptp', 'bridge', /^warning: Pods of this node are on a bridge/],
  [
    'conntrack full',
    'nf_conntrack_count 10',
    'nf_conntrack_count 250000',
    /^error: The table of connections is nearly full \(250000 of 262144\)/,
  ],
  ['conntrack small', 'nf_conntrack_max 262144', 'nf_conntrack_max 4096', /^warning: net.netfilter.nf_conntrack_max is 4096/],
  ['swap', '== swap\n', '== swap\n2097152\n', /^warning: 2048 MiB of swap/],
  ['disk full', /50000000 30000000/g, '50000000 100000', /^error: \/var\/lib\/slipway has 98 MiB left of 48828/],
  ['disk filling', /50000000 30000000/g, '50000000 3000000', /^warning: \/var\/lib\/slipway is 94 % full/],
  ['inodes', ' 10%', ' 99%', /^error: \/var\/lib\/slipway has used 99 % of its inodes/],
  ['memory', '4000000', '60000', /^warning: Only 59 MiB of memory/],
  ['containerd', '1.6.20~ds1 1', '1.4.13 1', /^error: containerd is 1.4.13, and at least 1.6/],
  ['DNS in a circle', '192.0.2.53', '10.96.0.10', /^error: .*the cluster's own DNS/],
  ['DNS of loopback', '192.0.2.53', '127.0.0.53', /^error: .*127.0.0.53, where nothing answers/],
  ['DNS on every address', ':22 ', ':53 ', /^error: sshd listens on port 53 of every address/],
];

for (const [what, from, to, finding, role] of ROWS)
  test(`${what}: found, and nothing else`, () => {
    const changed = WELL.replace(from, to);
    assert.notEqual(changed, WELL);
    const found = problemsOf(changed, role);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] as string, finding);
  });

test('what is no trouble: an accept for pods before the drop, ports of a control plane on a worker, etcd of a node', () => {
  const accepts = '-P FORWARD DROP\n-A FORWARD -s 10.244.0.0/16 -j ACCEPT\n-A FORWARD -d 10.244.0.0/16 -j ACCEPT';
  assert.deepEqual(problemsOf(WELL.replace('-P FORWARD ACCEPT', accepts)), []);
  assert.deepEqual(problemsOf(WELL.replace(':22 ', ':2379 '), { controlPlane: false }), []);
  assert.deepEqual(problemsOf(WELL.replace(':22 ', ':2379 ').replace('"sshd"', '"etcd"')), []);
  assert.equal(problemsOf(WELL.replace(':22 ', ':2379 ').replace('"sshd"', '"etcd"'), { isNode: false }).length, 1, 'before it is a node');
});

test('clocks: what asking leaves uncertain is not held against a node', () => {
  const at = (clockOffsetMs: number, clockErrorMs = 100) => clockFindings(new Map([['b', { clockOffsetMs, clockErrorMs }]]));
  assert.deepEqual(at(1500), []);
  assert.deepEqual(at(5000, 4000), []);
  assert.match(at(5000)[0]?.problem ?? '', /clock of b is 5.0 s ahead of/);
  assert.deepEqual([at(-5000)[0]?.severity, at(-500_000)[0]?.severity], ['warning', 'error']);
});

test('ways between nodes: silence is told once, with what to open', () => {
  const to = { name: 'b', address: '192.0.2.2', controlPlane: true, podCidr: '10.244.1.0/24', overlay: true };
  const of = (...silent: string[]) =>
    findingsFor('a', to, new Map(silent.map((target) => [target, 'silent' as const]))).map(({ problem }) => problem);
  assert.deepEqual(of(), []);
  assert.match(of('192.0.2.2 10250', '192.0.2.2 6443', '10.244.1.0 10250').join(), /^a does not reach b \(192.0.2.2\) on 10250/);
  assert.match(of('192.0.2.2 6443').join(), /the API on b/);
  assert.match(of('192.0.2.2 10256').join(), /the service proxy of b \(192.0.2.2:10256\)/);
  assert.match(of('10.244.1.0 10250').join(), /pods of b.*overlay/);
});
