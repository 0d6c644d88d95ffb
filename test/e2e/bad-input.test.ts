/** What a person can get wrong when making clusters: a clear error, the right exit code, and nothing half-done. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);

const CASES: readonly { it: string; args: string[]; code: number; says: RegExp }[] = [
  { it: 'an unknown flag', args: ['up', 'x', '--frobnicate'], code: 2, says: /unknown flag: --frobnicate/ },
  { it: 'an unknown command', args: ['upp', 'x'], code: 2, says: /did you mean: slipway up/ },
  { it: 'an unknown driver', args: ['up', 'x', '--driver', 'cloud9'], code: 2, says: /DRIVER_UNKNOWN[\s\S]*there are [a-z, ]*\blocal\b/ },
  { it: 'a name with capitals and underscores', args: ['up', 'My_Cluster'], code: 2, says: /NAME_INVALID[\s\S]*slipway up my-cluster/ },
  { it: 'a name that climbs out of its folder', args: ['up', '../x'], code: 2, says: /NAME_INVALID/ },
  { it: 'no nodes at all', args: ['up', 'x', '--nodes', '0'], code: 2, says: /a cluster has 1 to/ },
  { it: 'several control planes', args: ['up', 'x', '--control-planes', '3'], code: 2, says: /share a store in etcd/ },
  {
    it: 'a subnet that is none',
    args: ['up', 'x', '--subnet', '10.1.2.3'],
    code: 2,
    says: /a range of 256 IPv4 addresses such as 10\.200\.1\.0\/24/,
  },
  {
    it: 'a subnet that pods use',
    args: ['up', 'x', '--subnet', '10.244.9.0/24'],
    code: 2,
    says: /overlaps the range of pods, which is 10\.244\.0\.0\/16/,
  },
  {
    it: 'less than no memory',
    args: ['up', 'x', '--memory', '-5'],
    code: 2,
    says: /--memory -5[\s\S]*512Mi to[\s\S]*slipway up x --memory 1024/,
  },
  { it: 'no CPUs', args: ['plan', 'x', '--cpus', '0'], code: 2, says: /--cpus 0[\s\S]*1 to 1024/ },
  { it: 'one host twice', args: ['up', 'x', '--host', 'a', '--host', 'root@a:22'], code: 2, says: /x-1 is this host already: root@a:22/ },
  { it: 'hosts that nobody names', args: ['plan', 'x', '--driver', 'ssh'], code: 2, says: /none is given with --host for x-1, x-2/ },
  {
    it: 'hosts for a driver that makes machines',
    args: ['up', 'x', '--driver', 'local', '--host', 'a'],
    code: 2,
    says: /slipway up x --driver ssh --host a/,
  },
  {
    it: 'a folder as a cluster file',
    args: ['plan', '-f', '/etc'],
    code: 1,
    says: /it is a folder[\s\S]*slipway plan -f \/etc\/cluster\.yaml/,
  },
  {
    it: 'hosts and another number of nodes',
    args: ['up', 'x', '--host', 'root@192.0.2.1', '--nodes', '2'],
    code: 2,
    says: /1 hosts are given/,
  },
  { it: 'a cluster that is not there', args: ['down', 'nobody'], code: 1, says: /CLUSTER_UNKNOWN/ },
  { it: 'nodes for a cluster that is not there', args: ['node', 'add', '--cluster', 'nobody'], code: 1, says: /CLUSTER_UNKNOWN/ },
  {
    it: 'hosts for sandboxes',
    args: ['up', 'x', '--driver', 'local', '--host', 'h'],
    code: 2,
    says: /the driver local has no such setting; for ssh there is one[\s\S]*slipway up x --driver ssh --host h/,
  },
  { it: 'a node of no cluster', args: ['node', 'kill', 'x-1'], code: 1, says: /CLUSTER_UNKNOWN[\s\S]*no cluster has been made yet/ },
];

for (const { it, args, code, says } of CASES)
  test(`${it} is refused, and nothing is made`, async () => {
    const result = await suite.slipway(args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
    assert.equal(result.stdout, '');
    assert.deepEqual(await suite.leftovers(), []);
    assert.deepEqual(names(), []);
  });

test('another user than root is told so', async () => {
  // The folder must be theirs, so that being root is all that is missing.
  const home = join(suite.root, 'nobody');
  mkdirSync(home, { mode: 0o777 });
  await suite.run(['chown', '65534', home]);
  await suite.run(['chmod', '711', suite.root]);
  const result = await suite.slipwayAsNobody(['up', 'x'], { env: { SLIPWAY_HOME: home, HOME: home, KUBECONFIG: join(home, 'config') } });
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, /NOT_ROOT[\s\S]*sudo slipway up/);
});

test('a subnet that is routed already is refused, and taken back', async () => {
  await suite.run(['ip', 'link', 'add', 'busy0', 'type', 'bridge']);
  await suite.run(['ip', 'address', 'add', '10.201.5.1/24', 'dev', 'busy0']);
  await suite.run(['ip', 'link', 'set', 'busy0', 'up']);
  const result = await suite.slipway(['up', 'x', '--subnet', '10.201.5.0/24']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /ADDRESS_IN_USE/);
  await suite.run(['ip', 'link', 'delete', 'busy0']);
  assert.deepEqual(await suite.leftovers(), []);
  assert.deepEqual(names(), []);
});

/** Of a cluster whose machines get an image that is there. */
const fileFor = (driver: string): string => {
  const [file, image] = [join(suite.root, `${driver}.yaml`), join(suite.root, 'guest.qcow2')];
  writeFileSync(image, '');
  const spec = { driver, drivers: { [driver]: { image } }, pools: [{ name: 'main', count: 1 }] };
  writeFileSync(file, JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Cluster', metadata: { name: 'x' }, spec }));
  return file;
};

/** A computer without virsh, whose apt-get brings it: in the suite's own mounts. */
const withoutVirsh = async (work: (installed: () => string) => Promise<void>): Promise<void> => {
  const log = join(suite.root, 'apt.log');
  const mask = join(suite.root, 'mask');
  mkdirSync(mask);
  // A whiteout: the file is not there for who looks through both folders.
  const hide = `mknod ${mask}/virsh c 0 0 && mount -t overlay overlay -o lowerdir=${mask}:/usr/bin /usr/bin`;
  assert.equal((await suite.run(['sh', '-c', `mount -t tmpfs tmpfs /usr/local/sbin && ${hide}`])).code, 0);
  const script = `#!/bin/sh\necho "$@" >> ${log}\ncase "$*" in *libvirt-clients*) umount -l /usr/bin;; esac\n`;
  writeFileSync('/usr/local/sbin/apt-get', script, { mode: 0o755 });
  try {
    await work(() => (existsSync(log) ? readFileSync(log, 'utf8') : ''));
  } finally {
    await suite.run(['sh', '-c', 'umount -l /usr/bin; umount -l /usr/local/sbin']);
  }
};

test('what a driver lacks on this computer is told before anything is asked of it, and installed with --yes', {
  skip: existsSync('/usr/bin/virsh') ? false : 'virsh is not installed',
}, async () => {
  const file = fileFor('kvm');
  await withoutVirsh(async (installed) => {
    const doctor = await suite.slipway(['doctor', '--driver', 'kvm', '-o', 'json']);
    const [{ fix }] = JSON.parse(doctor.stdout) as [{ fix: string }];
    const planned = await suite.slipway(['plan', '-f', file]);
    assert.equal(planned.code, 0, planned.stderr);
    assert.match(planned.stdout, /\+ machine x-1 +control plane[\s\S]*In the way: This host lacks virsh\n/);
    assert.ok(planned.stdout.includes(`try: ${fix}\n`), planned.stdout);
    const refused = await suite.slipway(['up', '-f', file]);
    assert.match(refused.stderr, /PACKAGES_MISSING[\s\S]*This host lacks virsh/);
    assert.ok(refused.stderr.includes(fix), refused.stderr);
    assert.equal(installed(), '');
    const result = await suite.slipway(['up', '-f', file, '--yes']);
    assert.match(installed(), /^install --yes .*libvirt-clients/);
    // No libvirt runs here: that is what is looked at next.
    assert.match(result.stderr, /HYPERVISOR_UNREACHABLE/);
    assert.deepEqual(names(), []);
  });
});

test('a plan for VirtualBox says how it is installed', {
  skip: existsSync('/usr/bin/VBoxManage') && 'VirtualBox is installed',
}, async () => {
  const result = await suite.slipway(['plan', '-f', fileFor('virtualbox')]);
  assert.match(result.stdout, /In the way: VirtualBox is not installed\n +try: apt-get install virtualbox/);
});

test('machines of that name which another home made are not touched', async () => {
  mkdirSync(join(suite.data, 'clusters/x/nodes/x-1'), { recursive: true });
  writeFileSync(join(suite.data, 'clusters/x/nodes/x-1/machine.json'), '{"address":"10.89.0.11"}');
  const result = await suite.slipway(['up', 'x']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /CLUSTER_EXISTS[\s\S]*x-1/);
  const removed = await suite.slipway(['down', 'x', '--force']);
  assert.equal(removed.code, 0, removed.stderr);
  assert.deepEqual(await suite.leftovers(), []);
});

test('a state that is damaged is named, and down --force removes it', async () => {
  mkdirSync(join(suite.home, 'clusters/broken'), { recursive: true });
  writeFileSync(join(suite.home, 'clusters/broken/state.json'), '{"version":1,');
  const result = await suite.slipway(['status', 'broken']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /STATE_CORRUPT[\s\S]*slipway down broken --force/);
  assert.equal((await suite.slipway(['down', 'broken', '--force'])).code, 0);
  assert.deepEqual(names(), []);
});

const names = (): string[] => {
  try {
    return readdirSync(join(suite.home, 'clusters'));
  } catch {
    return [];
  }
};
