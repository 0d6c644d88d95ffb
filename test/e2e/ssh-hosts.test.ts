/** The same steps on hosts that Slipway did not make: two machines with a real sshd each. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Host } from '../../src/hosts/host.ts';
import { DEMO_IMAGE, untilReady } from '../support/demo-cluster.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
let machines: SshMachines;
before(async () => {
  machines = await startSshMachines(join(suite.root, 'sshd'), 2);
});
after(async () => {
  await suite.slipway(['down', 'lab', '--force', '--driver', 'ssh']);
  await machines.close();
});

const hostFlags = (): string[] => machines.targets.flatMap((target) => ['--host', target]);

/** Another way to write the first host, which no comparison of names shows to be the same. */
const otherAddress = async (): Promise<string> => {
  const other = (machines.targets[0] ?? '').replace(/\d+$/, '200');
  const address = other.replace('root@', '');
  await machines.hosts[0]?.run(['sh', '-c', `ip -o address show to ${address} | grep -q . || ip address add ${address}/24 dev eth0`]);
  return other;
};

test('a host under two names is no two nodes, and is left as it was', async () => {
  const [first] = machines.hosts as [Host, Host];
  const twice = ['--host', machines.targets[0] ?? '', '--host', await otherAddress()];
  const result = await suite.slipway(['up', 'lab', ...twice, '-i', machines.identityFile]);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /HOST_TAKEN[\s\S]*it is lab-[12] of this cluster: one host, under two names/);
  assert.equal(await first.readFile('/etc/slipway/node.json'), undefined);
  assert.equal((await suite.slipway(['status', 'lab'])).code, 1, 'no cluster is left');
});

test('up on two hosts, with the demo', async () => {
  const result = await suite.slipway(['up', 'lab', ...hostFlags(), '-i', machines.identityFile, '--demo']);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /ok +Fetching the demo through its Service/);
});

test('up again finds nothing to change', async () => {
  const result = await suite.slipway(['up', 'lab', '--demo']);
  assert.match(result.stdout, /Cluster lab is unchanged/, result.stderr);
});

test('a host that is a node is not added under another name, not even with force', async () => {
  const result = await suite.slipway(['node', 'add', '--cluster', 'lab', '--host', await otherAddress(), '--force']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /HOST_TAKEN[\s\S]*it is lab-1 of this cluster/);
  assert.match((await suite.slipway(['status', 'lab'])).stdout, /lab-1 .*Ready/);
});

test('a power failure of a machine that is not ours is refused', async () => {
  const result = await suite.slipway(['node', 'kill', 'lab-2']);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /not a machine that Slipway made/);
});

/** As the plugin `portmap` makes it for a container of another network on the same host. */
const FOREIGN_RULE = ['CNI-HOSTPORT-DNAT', '-p', 'tcp', '-m', 'comment', '--comment', 'dnat name: "other" id: "x"', '-j', 'RETURN'];
const natRules = async (host: Host): Promise<string[]> =>
  (await host.run(['sh', '-c', 'iptables-save -t nat | grep CNI- || true'])).stdout.trim().split('\n').filter(Boolean);

test('a pod has a port of its host', async () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'port', labels: { app: 'port' } },
    spec: {
      nodeName: 'lab-2',
      containers: [{ name: 'main', image: DEMO_IMAGE, ports: [{ containerPort: 8080, hostPort: 8090 }] }],
    },
  };
  const applied = await suite.slipway(['apply', '-f', '-'], { input: JSON.stringify(pod) });
  assert.equal(applied.code, 0, applied.stderr);
  await untilReady(suite, 'app=port', 1);
  const [first, second] = machines.hosts as [Host, Host];
  assert.match((await natRules(second)).join('\n'), /--dports 8090 -j CNI-DN-/);
  await first.run(['iptables', '-w', '-t', 'nat', '-N', 'CNI-HOSTPORT-DNAT']);
  await first.run(['iptables', '-w', '-t', 'nat', '-A', ...FOREIGN_RULE]);
});

test('down takes Slipway off the hosts and leaves them running', async () => {
  const result = await suite.slipway(['down', 'lab']);
  assert.equal(result.code, 0, result.stderr);
  const [first, second] = machines.hosts as [Host, Host];
  assert.deepEqual(await natRules(second), [], 'rules of the host port');
  assert.equal((await natRules(first)).filter((line) => line.includes('name: \\"other\\"')).length, 1, 'the rule of another network stays');
  for (const host of [first, second]) await host.run(['sh', '-c', 'nft delete table ip nat'], { check: false });
  for (const host of machines.hosts) {
    const { stdout } = await host.run([
      'sh',
      '-c',
      'find /etc/slipway/pki /usr/local/lib/slipway /var/lib/kubelet -type f 2>/dev/null; nft list tables; ps -e -o args= | grep -E "^(containerd|runsv slipway|/usr/local/lib/slipway)" || true',
    ]);
    assert.equal(stdout.trim(), '', `left on ${host.name}`);
  }
});
