import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { FACTS_SCRIPT } from '../../../src/hosts/facts/facts-script.ts';
import { factsOf } from '../../../src/hosts/facts/host-facts.ts';
import { parseFacts } from '../../../src/hosts/facts/parse-facts.ts';

test('the script finds out what this machine is, also where the shell is strict and the PATH is bare', () => {
  const { stdout, stderr, status } = spawnSync('sh', ['-eu', '-c', FACTS_SCRIPT], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } });
  assert.equal(status, 0, stderr);
  const facts = parseFacts(stdout, { now: Date.now() });
  assert.equal(facts.architecture, process.arch);
  assert.notEqual(facts.distribution.id, 'unknown');
  assert.ok(facts.memoryMiB > 100 && facts.cpus >= 1 && facts.kernel, JSON.stringify(facts.distribution));
  assert.ok((facts.freeMiB.get('/var/lib/slipway') ?? 0) > 0, 'what is free is found for a folder that is not there yet');
  assert.ok(Math.abs(facts.clockAheadMs) < 30_000);
});

const TEXT = `id=rocky
like=rhel centos fedora
version=9.4
title=Rocky Linux 9.4 (Blue Onyx)
kernel=5.14.0
machine=aarch64
init=systemd
memory=2035964
capabilities=000001ffffffffff
cpus=4
cgroups=v2
free=/usr 10485760
free=/var/lib/slipway 2048
address=lo 127.0.0.1/8
address=eth0 192.0.2.11/24
listening=00000000:0016
listening=00000000000000000000000000000000:192B
tool=nft
tool=dnf
cni=/usr/libexec/cni
firewall=firewalld
selinux=1
resolver=192.0.2.1
marker={"cluster":"lab"}
clock=1700000010.500000000`;

test('what the script prints is read', () => {
  const facts = parseFacts(TEXT, { now: 1_700_000_000_000 });
  assert.deepEqual(facts, {
    distribution: { id: 'rocky', like: ['rhel', 'centos', 'fedora'], version: '9.4', title: 'Rocky Linux 9.4 (Blue Onyx)' },
    architecture: 'arm64',
    libc: 'glibc',
    init: 'systemd',
    kernel: '5.14.0',
    cpus: 4,
    memoryMiB: 1988,
    cgroups: 'v2',
    freeMiB: new Map([
      ['/usr', 10_240],
      ['/var/lib/slipway', 2],
    ]),
    addresses: [{ link: 'eth0', address: '192.0.2.11', prefixLength: 24 }],
    listening: [22, 6443],
    tools: new Set(['nft', 'dnf']),
    cniFolders: ['/usr/libexec/cni'],
    firewall: 'firewalld',
    selinuxEnforcing: true,
    clockAheadMs: 10_500,
    capabilities: 0x1ffffffffffn,
    resolvers: ['192.0.2.1'],
    marker: '{"cluster":"lab"}',
  });
});

test('a host that says nothing has nothing, rather than something wrong', () => {
  const facts = parseFacts('', { now: 0 });
  assert.equal(facts.distribution.id, 'unknown');
  assert.equal(facts.init, 'none');
  assert.equal(facts.clockAheadMs, 0);
  assert.equal(facts.marker, undefined);
});

test('a connection is asked once, however many want to know at the same time, and again when that is said or it failed', async () => {
  let asked = 0;
  let isDown = false;
  const host = {
    name: 'host-1',
    run: async () => {
      asked += 1;
      if (isDown) throw new Error('gone');
      return { exitCode: 0, stdout: TEXT, stderr: '' };
    },
  };
  const [first, second] = await Promise.all([factsOf(host), factsOf(host)]);
  assert.equal(first, second);
  assert.equal(await factsOf(host), first);
  assert.equal(asked, 1);
  assert.notEqual(await factsOf(host, { again: true }), first);
  assert.equal(asked, 2);
  await factsOf({ ...host });
  assert.equal(asked, 3, 'another connection is asked by itself');
  isDown = true;
  await assert.rejects(factsOf(host, { again: true }), /gone/);
  isDown = false;
  assert.equal((await factsOf(host)).cpus, 4);
});
