/** The file that runs VBoxManage, against the real one: everything but the start of a machine, which needs a kernel driver. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createVBoxManage } from '../../src/drivers/virtualbox/vboxmanage.ts';
import type { NewMachine } from '../../src/drivers/virtualbox/virtualbox.ts';
import { VirtualBoxFiles } from '../../src/drivers/virtualbox/virtualbox-files.ts';
import { findVBoxManage } from '../support/vboxmanage.ts';

const folder = mkdtempSync('/var/tmp/slipway-vbox-');
const found = findVBoxManage(folder);
const skip = 'missing' in found ? found.missing : false;
const box = createVBoxManage('command' in found ? found.command : undefined);
after(() => {
  if ('close' in found) found.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

const noQemu = spawnSync('qemu-img', ['--version']).status === 0 ? false : 'qemu-img is not installed';
const disk = (name: string): string => join(folder, name);
const machine: NewMachine = {
  name: 'slipway-demo-demo-1',
  uuid: '11111111-1111-5111-8111-111111111111',
  group: '/slipway/demo',
  folder: disk('machines'),
  cpus: 2,
  memoryMiB: 1024,
  mac: '080027000011',
  network: 'slipway-demo',
  disks: [
    { path: disk('demo-1.vdi'), readOnly: false },
    { path: disk('seed.iso'), readOnly: true },
  ],
  consoleFile: disk('console.log'),
  labels: { cluster: 'demo', node: 'demo-1', address: '10.91.0.11' },
};

test('it has a version, and says whether it can start machines', { skip }, async () => {
  const found = await box.version();
  assert.match(found?.version ?? '', /^\d+\.\d+\.\d+$/);
  assert.equal(found?.hasKernelDriver, existsSync('/dev/vboxdrv'));
});

test('a network is made once, with rules that are replaced, and removed twice', { skip }, async () => {
  assert.equal(await box.createNetwork({ name: 'slipway-demo', cidr: '10.91.0.0/24' }), true);
  assert.equal(await box.createNetwork({ name: 'slipway-demo', cidr: '10.91.0.0/24' }), false);
  const rule = { name: 'ssh-demo-1', hostPort: 22011, guestAddress: '10.91.0.11', guestPort: 22 };
  await box.forward('slipway-demo', rule);
  await box.forward('slipway-demo', rule);
  await box.forward('slipway-demo', { ...rule, hostPort: 22012 });
  assert.deepEqual(await box.networks(), [{ name: 'slipway-demo', cidr: '10.91.0.0/24', forwards: [{ ...rule, hostPort: 22012 }] }]);
  for (const _ of [1, 2]) await box.removeForward('slipway-demo', 'ssh-demo-1');
  assert.deepEqual((await box.networks())[0]?.forwards, []);
});

test('a raw image becomes a disk of the wished size, and others are made from it', { skip }, async () => {
  writeFileSync(disk('image.raw'), 'boot');
  truncateSync(disk('image.raw'), 16 * 1024 * 1024);
  await box.importDisk({ from: disk('image.raw'), to: disk('base.vdi'), raw: true, sizeGiB: 2 });
  await assert.rejects(box.importDisk({ from: disk('none.raw'), to: disk('x.vdi'), raw: true, sizeGiB: 1 }), {
    code: 'COMMAND_FAILED',
    message: /VERR_FILE_NOT_FOUND/,
  });
  // One of VirtualBox's own formats.
  await box.importDisk({ from: disk('base.vdi'), to: disk('other.vdi'), raw: false, sizeGiB: 1 });
  await box.removeDisk(disk('other.vdi'));
  assert.equal(existsSync(disk('other.vdi')), false);
  await box.createLinkedDisk({ path: disk('demo-1.vdi'), parent: disk('base.vdi') });
  assert.ok(existsSync(disk('demo-1.vdi')));
});

test('a qcow2 image becomes a disk too, once', { skip: skip || noQemu }, async () => {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', disk('image.qcow2'), '16M']);
  const files = new VirtualBoxFiles(disk('state'));
  const wish = {
    image: disk('image.qcow2'),
    sizeGiB: 1,
    fetch: { cacheDir: folder, signal: new AbortController().signal, progress: () => {} },
    announce: async () => {},
  };
  const path = await files.base(box, wish);
  const { mtimeMs } = statSync(path);
  assert.equal(await files.base(box, wish), path);
  assert.equal(statSync(path).mtimeMs, mtimeMs);
  assert.deepEqual(
    (await files.bases()).map((base) => join(files.root, base) === path),
    [true],
  );
  await box.removeDisk(path);
});

test('a machine is made with its labels, found by its group, and made a second time not', { skip }, async () => {
  writeFileSync(disk('seed.iso'), Buffer.alloc(64 * 1024));
  await box.createMachine(machine);
  const expected = { name: machine.name, state: 'poweroff', cpus: 2, memoryMiB: 1024, labels: machine.labels, snapshots: [] };
  assert.deepEqual(await box.machine(machine.name), expected);
  assert.deepEqual(await box.machines('/slipway/demo'), [expected]);
  assert.deepEqual(await box.machines('/slipway/dem'), []);
  assert.equal(await box.machine('slipway-demo-none'), undefined);
  await assert.rejects(box.createMachine(machine), { code: 'COMMAND_FAILED', message: /already exists/ });
});

test('snapshots are taken, gone back to and deleted', { skip }, async () => {
  await box.takeSnapshot(machine.name, 'clean');
  await box.takeSnapshot(machine.name, 'later');
  assert.deepEqual((await box.machine(machine.name))?.snapshots, ['clean', 'later']);
  await box.restoreSnapshot(machine.name, 'clean');
  await assert.rejects(box.restoreSnapshot(machine.name, 'none'), { code: 'COMMAND_FAILED' });
  // The disk as it is hangs on it now, and so does the later snapshot.
  await assert.rejects(box.deleteSnapshot(machine.name, 'clean'), { code: 'COMMAND_FAILED', message: /has one child snapshot/ });
  await box.deleteSnapshot(machine.name, 'later');
  assert.deepEqual((await box.machine(machine.name))?.snapshots, ['clean']);
  await box.deleteSnapshot(machine.name, 'clean');
  assert.deepEqual((await box.machine(machine.name))?.snapshots, []);
  await assert.rejects(box.deleteSnapshot(machine.name, 'clean'), { code: 'COMMAND_FAILED' });
});

test('what is off can be powered off; without the kernel driver a start fails with a reason', { skip }, async () => {
  await box.powerOff(machine.name);
  await box.pressPowerButton(machine.name);
  if (!existsSync('/dev/vboxdrv')) await assert.rejects(box.start(machine.name), { code: 'COMMAND_FAILED' });
});

test('a machine is forgotten twice, then its disk goes, can be made anew, and goes with the one that it was made from', {
  skip,
}, async () => {
  for (const _ of [1, 2]) await box.removeMachine(machine.name);
  assert.deepEqual(await box.machines('/slipway/demo'), []);
  // VirtualBox has forgotten both disks with the machine.
  for (const name of ['demo-1.vdi', 'seed.iso']) {
    await box.removeDisk(disk(name));
    assert.equal(existsSync(disk(name)), false);
  }
  rmSync(disk('machines'), { recursive: true });
  await box.createLinkedDisk({ path: disk('demo-1.vdi'), parent: disk('base.vdi') });
  for (const name of ['demo-1.vdi', 'base.vdi', 'base.vdi']) await box.removeDisk(disk(name));
  assert.equal(existsSync(disk('base.vdi')), false);
  for (const _ of [1, 2]) await box.removeNetwork('slipway-demo');
  assert.deepEqual(await box.networks(), []);
});
