/** A firewall between hosts that are nodes already: `slipway doctor` tells what does not get through, from whom to whom, and what opens it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AboutFinding } from '../../src/provision/doctor/diagnose.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
let machines: SshMachines;
const onHost = async (index: number, script: string): Promise<void> => void (await machines.hosts[index]?.run(['sh', '-c', script]));
/** What travels with addresses of pods is dropped, as networks of clouds do: pods then travel in VXLAN. */
const CLOUD =
  'nft "table inet cloud { chain in { type filter hook prerouting priority -300; iifname eth0 ip daddr 10.244.0.0/16 drop; iifname eth0 ip saddr 10.244.0.0/16 drop; }; }"';
const block = (index: number, packets: string): Promise<void> =>
  onHost(index, `nft "table inet guard { chain in { type filter hook input priority 0; iifname eth0 ${packets} drop; }; }"`);
const unblock = (index: number): Promise<void> => onHost(index, 'nft delete table inet guard');

before(async () => {
  machines = await startSshMachines(join(suite.root, 'sshd'), 2);
  for (const index of [0, 1]) await onHost(index, CLOUD);
  const made = await suite.slipway(['up', 'lab', ...machines.targets.flatMap((target) => ['--host', target]), '-i', machines.identityFile]);
  assert.equal(made.code, 0, made.stderr);
});
after(async () => {
  await suite.slipway(['down', 'lab', '--force', '--driver', 'ssh']);
  await machines.close();
});

/** Errors about ways between nodes, one a line, with what is to be typed. */
const doctor = async (): Promise<string[]> => {
  const { code, stdout, stderr } = await suite.slipway(['doctor', 'lab', '-o', 'json']);
  const findings = JSON.parse(stdout || '[]') as AboutFinding[];
  assert.equal(code, findings.some(({ severity }) => severity === 'error') ? 1 : 0, stderr);
  return findings
    .filter(({ severity, problem }) => severity === 'error' && problem.includes('reach'))
    .map(({ about, problem, fix }) => `${about}: ${problem} ${fix}`)
    .sort();
};

test('nothing is said while everything gets through', async () => {
  assert.deepEqual(await doctor(), []);
});

test('4789/udp that is blocked on one host: pods of neither reach those of the other', async () => {
  await block(1, 'udp dport 4789');
  const found = await doctor();
  assert.equal(found.length, 2, found.join('\n'));
  assert.match(found[0] ?? '', /^cluster lab: lab-1 does not reach pods of lab-2: nothing comes back through the overlay\. .*4789\/udp/);
  assert.match(found[1] ?? '', /^cluster lab: lab-2 does not reach pods of lab-1: nothing comes back through the overlay\. .*4789\/udp/);
  await unblock(1);
  assert.deepEqual(await doctor(), []);
});

test('the port of an agent that is blocked is told for the way that is closed', async () => {
  await block(1, 'tcp dport 10250');
  const found = await doctor();
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(found[0] ?? '', /^cluster lab: lab-1 does not reach lab-2 \([\d.]+\) on 10250\/tcp: .*open 10250\/tcp/);
  await unblock(1);
  assert.deepEqual(await doctor(), []);
});

test('so is the port of a service proxy', async () => {
  await block(0, 'tcp dport 10256');
  const found = await doctor();
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(found[0] ?? '', /^cluster lab: lab-2 does not reach the service proxy of lab-1 \([\d.]+:10256\)/);
  await unblock(0);
});

test('6443/tcp that is blocked on the control plane is told for the nodes that need it', async () => {
  await block(0, `ip saddr ${machines.targets[1]?.replace('root@', '')} tcp dport 6443`);
  const found = await doctor();
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(found[0] ?? '', /^cluster lab: lab-2 does not reach the API on lab-1 \([\d.]+:6443\)\. ufw allow 6443\/tcp/);
  await unblock(0);
});
