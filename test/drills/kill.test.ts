/** `npm run test:kill`: the long drill. KILLS (100), SEED (1) and DRIVER (local, ssh, aws, kvm) in the environment change it. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findGuestImage, guestSettings } from '../kvm/guest-image.ts';
import { startAwsWorld } from '../support/aws/aws-world.ts';
import { findMoto } from '../support/aws/moto.ts';
import { noLibvirt, startLibvirt } from '../support/libvirt.ts';
import { startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';
import { killDrill } from './kill-drill.ts';

const driver = process.env['DRIVER'] ?? 'local';
const moto = driver === 'aws' ? findMoto() : { missing: 'not asked for' };
// Found, or built, before the suite enters its namespaces.
const guest = driver === 'kvm' ? findGuestImage() : 'not asked for';
const suite = await enterSuite(import.meta.filename);
const kills = Number(process.env['KILLS'] ?? 100);
const seed = Number(process.env['SEED'] ?? 1);
const log = (line: string): void => console.log(line);
const AWS_CLUSTER = `apiVersion: slipway/v1
kind: Cluster
metadata: {name: whole}
spec:
  driver: aws
  drivers: {aws: {clientCidrs: [10.100.0.1/32]}}
`;

if (driver === 'ssh')
  test(`${kills} kills over SSH leave nothing`, async () => {
    const machines = await startSshMachines(join(suite.root, 'sshd'), 2);
    try {
      const leftOnHosts = async (): Promise<string[]> =>
        (
          await Promise.all(machines.hosts.map(async (host) => (await host.run(['sh', '-c', LOOK])).stdout.split('\n').filter(Boolean)))
        ).flat();
      const upArgs = [...machines.targets.flatMap((target) => ['--host', target]), '-i', machines.identityFile];
      log(JSON.stringify(await killDrill({ suite, kills, seed, upArgs, leftOnHosts, longest: { upMs: 8000, downMs: 3000 }, log })));
    } finally {
      await machines.close();
    }
  });
else if (driver === 'aws')
  test(`${kills} kills on AWS leave nothing`, { skip: 'missing' in moto && moto.missing }, async () => {
    const world = await startAwsWorld(suite);
    try {
      const file = join(suite.root, 'cluster.yaml');
      writeFileSync(file, AWS_CLUSTER);
      const upArgs = ['-f', file];
      // Once without a kill: how long it takes, and what the imitation itself needs from then on.
      const [upMs, downMs] = [await timed(['up', 'whole', '--yes', ...upArgs]), await timed(['down', 'whole'])];
      log(`up takes ${upMs} ms and down ${downMs} ms when nobody kills them`);
      await world.hosts.settle();
      const leftOnHosts = async (): Promise<string[]> => [...(await world.leftovers('*')), ...(await world.hosts.left())];
      const settle = (): Promise<void> => world.hosts.settle();
      log(JSON.stringify(await killDrill({ suite, kills, seed, upArgs, settle, leftOnHosts, longest: { upMs, downMs }, log })));
    } finally {
      await world.close();
    }
  });
else if (driver === 'kvm')
  test(`${kills} kills on virtual machines leave nothing`, { skip: typeof guest === 'string' ? guest : noLibvirt() }, async () => {
    if (typeof guest === 'string') return;
    const pools = join(suite.root, 'pools');
    mkdirSync(pools);
    const file = join(suite.root, 'cluster.yaml');
    const kvm = { ...guestSettings(guest), poolFolder: join(pools, 'slipway') };
    const spec = { driver: 'kvm', drivers: { kvm }, pools: [{ name: 'main', count: 1, cpus: 1, memory: '1Gi', disk: '8Gi' }] };
    writeFileSync(file, JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Cluster', metadata: { name: 'drill' }, spec }));
    const libvirt = await startLibvirt(suite, { nice: 0 });
    try {
      // Rules that libvirt makes for its first network stay until the host restarts.
      const first = join(suite.root, 'first.xml');
      writeFileSync(first, "<network><name>first</name><forward mode='nat'/><ip address='192.0.2.1' netmask='255.255.255.0'/></network>");
      await suite.run(['sh', '-c', `virsh net-create ${first} && virsh net-destroy first`]);
      const look = `for what in list net-list pool-list; do virsh --quiet $what --all --name; done; ls -A ${pools}; ps -e -o args= | grep -E '^([^ ]*/)?(qemu-|dnsmasq)' | cut -c 1-100; true`;
      const leftOnHosts = async () => (await suite.run(['sh', '-c', look])).stdout.split('\n').filter(Boolean);
      const longest = { upMs: 1000 * Number(process.env['LONGEST'] ?? 240), downMs: 4000 };
      log(JSON.stringify(await killDrill({ suite, kills, seed, upArgs: ['-f', file], leftOnHosts, longest, skew: 3, log })));
    } finally {
      await libvirt.stop();
    }
  });
else
  test(`${kills} kills on sandboxes leave nothing`, async () => {
    log(JSON.stringify(await killDrill({ suite, kills, seed, upArgs: ['--nodes', '1'], longest: { upMs: 2500, downMs: 700 }, log })));
  });

/** Files, services, programs, mounts, links, rules, addresses and routes of a node; the sshd of the machine itself is a service of its sandbox. */
const LOOK = `find /etc/slipway /usr/local/lib/slipway /var/lib/slipway /var/lib/kubelet /var/lib/cni /etc/cni /var/log/pods /var/log/containers ! -type d 2> /dev/null | grep -v ^/etc/slipway/services/sshd/
ls /run/slipway-init/services | grep slipway
ps -e -o args= | grep -E '^(containerd|runsv slipway|/usr/local/lib/slipway)'
awk '$2 ~ "slipway/|kubelet/|netns/" { print "mount " $2 }' /proc/mounts | grep -v -e ' /usr/local/lib/slipway$' -e ' /var/lib/slipway$' -e /var/tmp/
ip -brief link | grep -v -e '^lo ' -e '^eth0@'
nft list tables
ip -brief -4 address show lo | grep -o '10\\.96[^ ]*'
ip route show proto 83
true`;

/** Of a command that must succeed. */
const timed = async (args: readonly string[]): Promise<number> => {
  const startedAt = performance.now();
  const result = await suite.slipway(args, { timeoutMs: 300_000 });
  assert.equal(result.code, 0, result.stderr);
  return Math.round(performance.now() - startedAt);
};
