/** What is said where nodes of two drivers do not reach each other: the hosts of it are tables of who answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterContext } from '../../../src/provision/cluster-context.ts';
import { unreachedAcross } from '../../../src/provision/reach-across.ts';

const MACHINES = {
  lab: { driver: 'ssh', address: '192.168.7.11' },
  rack: { driver: 'kvm', address: '10.89.0.11' },
  rented: { driver: 'aws', address: '10.100.3.4' },
} as const;

/** `silent`: by node, the addresses that say nothing to it. */
const contextOf = (silent: Readonly<Record<string, readonly string[]>>, names: readonly (keyof typeof MACHINES)[]): ClusterContext =>
  ({
    spec: { nodes: names.map((name) => ({ name, driver: MACHINES[name].driver })) },
    state: { addresses: {} },
    machines: new Map(names.map((name) => [name, { address: MACHINES[name].address }])),
    hosts: new Map(names.map((name) => [name, { name, run: async () => ({ stdout: (silent[name] ?? []).join('\n') }) }])),
  }) as unknown as ClusterContext;

test('where all answer there is nothing to say', async () => {
  assert.deepEqual(await unreachedAcross(contextOf({}, ['lab', 'rack', 'rented'])), []);
});

test('a node of a cloud that does not answer is behind its list, and behind a VPN; this computer is not the way', async () => {
  const [error, ...more] = await unreachedAcross(contextOf({ lab: ['10.100.3.4'] }, ['lab', 'rented']));
  assert.deepEqual(more, []);
  assert.equal(error?.code, 'PREFLIGHT_FAILED');
  assert.match(error?.message ?? '', /rented \(10\.100\.3\.4\) does not answer it on 10250\/tcp/);
  assert.deepEqual(error?.advice, [
    'a VPN between both networks, by which private addresses are reached: docs/guides/aws.md',
    'spec.drivers.aws.nodeCidrs: [192.168.7.11/32]   # in the cluster file: lets lab in',
    'ping -c 1 10.100.3.4   # on lab',
  ]);
});

test('from a node of a cloud a VPN is the way; what it reaches has no list of this kind', async () => {
  const [error] = await unreachedAcross(contextOf({ rented: ['192.168.7.11'] }, ['lab', 'rented']));
  assert.deepEqual(error?.advice, [
    'a VPN between both networks, by which private addresses are reached: docs/guides/aws.md',
    'ping -c 1 192.168.7.11   # on rented',
  ]);
});

test('machines of this computer are reached through it', async () => {
  const [error] = await unreachedAcross(contextOf({ lab: ['10.89.0.11'] }, ['lab', 'rack']));
  assert.deepEqual(error?.advice, [
    'ip route add 10.89.0.0/24 via ADDRESS-OF-THIS-COMPUTER   # on lab, where only this computer knows the way',
    'ping -c 1 10.89.0.11   # on lab',
  ]);
});
