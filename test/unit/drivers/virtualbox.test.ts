import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import type { Driver, Journal } from '../../../src/drivers/driver.ts';
import type { VirtualBox, VirtualBoxMachine, VirtualBoxVersion } from '../../../src/drivers/virtualbox/virtualbox.ts';
import { VirtualBoxDisks } from '../../../src/drivers/virtualbox/virtualbox-disks.ts';
import { createVirtualBoxDriver } from '../../../src/drivers/virtualbox/virtualbox-driver.ts';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';
import { VirtualBoxInMemory } from '../../support/virtualbox-in-memory.ts';

const FOLDER = '/nonexistent';
const findings = (version: VirtualBoxVersion | undefined) =>
  createVirtualBoxDriver({ dataDir: FOLDER, stateDir: FOLDER, requirements: [], journal: openJournal(FOLDER) }, {
    version: async () => version,
  } as unknown as VirtualBox).preflight();

for (const [what, version, problem] of [
  ['is not installed', undefined, /not installed/],
  ['is too old', { version: '6.1.50', hasKernelDriver: true }, /is 6\.1\.50, and 7\.0/],
  ['can start no machine', { version: '7.2.22', hasKernelDriver: false }, /kernel driver is not loaded/],
] as const)
  test(`a VirtualBox that ${what} is told before anything is made, with the command that mends it`, async () => {
    const [finding, ...more] = await findings(version);
    assert.match(finding?.problem ?? '', problem);
    assert.match(finding?.fix ?? '', /apt-get install virtualbox/);
    assert.deepEqual(more, []);
  });

test('one that can is as it has to be', async () => {
  assert.deepEqual(await findings({ version: '7.2.22', hasKernelDriver: true }), []);
});

const ID = { cluster: 'demo', name: 'demo-1' };
/** One machine that is as its snapshots say, and whose power is `state`. */
const disksOf = (state: string): VirtualBoxDisks => {
  const machine: VirtualBoxMachine = { name: 'slipway-demo-demo-1', state, cpus: 1, memoryMiB: 512, labels: {}, snapshots: ['first'] };
  return new VirtualBoxDisks({
    machine: async (name: string) => (name === machine.name ? { ...machine, snapshots: [...machine.snapshots] } : undefined),
    takeSnapshot: async (_: string, name: string) => void machine.snapshots.push(name),
    restoreSnapshot: async () => {},
    deleteSnapshot: async (_: string, name: string) => void machine.snapshots.splice(machine.snapshots.indexOf(name), 1),
  } as unknown as VirtualBox);
};

for (const state of ['running', 'paused', 'starting'])
  test(`the disk of a machine that is ${state} is neither kept nor put back, no snapshot of it deleted, and how it is stopped is told`, async () => {
    const disks = disksOf(state);
    for (const refused of [() => disks.snapshot(ID, 'second'), () => disks.restore(ID, 'first'), () => disks.remove(ID, 'first')])
      await assert.rejects(refused(), { code: 'USAGE', advice: ['slipway node stop demo-1 --cluster demo'] });
    assert.deepEqual(await disks.list(ID), ['first']);
  });

test('a machine that is paused is stopped, one that is off or gone is left alone', async () => {
  const asked: string[] = [];
  const stop = (state: string | undefined): Promise<void> =>
    createVirtualBoxDriver({ dataDir: FOLDER, stateDir: FOLDER, requirements: [], journal: openJournal(FOLDER) }, {
      machine: async () => (state ? { state } : undefined),
      powerOff: async () => void asked.push(`power off ${state}`),
    } as unknown as VirtualBox).stop(ID, { powerOff: true });
  for (const state of ['paused', 'running', 'poweroff', 'saved', undefined]) await stop(state);
  assert.deepEqual(asked, ['power off paused', 'power off running']);
});

test('the disk of a machine that is off is kept once under a name, and put back only to what was kept', async () => {
  const disks = disksOf('poweroff');
  await disks.snapshot(ID, 'second');
  assert.deepEqual(await disks.list(ID), ['first', 'second']);
  await assert.rejects(disks.snapshot(ID, 'second'), { code: 'NAME_TAKEN' });
  await disks.restore(ID, 'first');
  await assert.rejects(disks.restore(ID, 'third'), { code: 'SNAPSHOT_UNKNOWN', message: /first, second/ });
  await disks.remove(ID, 'first');
  assert.deepEqual(await disks.list(ID), ['second']);
  await assert.rejects(disks.remove(ID, 'first'), { code: 'SNAPSHOT_UNKNOWN', message: /delete the snapshot first of demo-1/ });
  await assert.rejects(disks.list({ ...ID, name: 'demo-2' }), { code: 'NODE_UNKNOWN' });
});

test('nothing is made that does not stand in the journal, and all of it is forgotten at the end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-box-'));
  const order: string[] = [];
  const kept = openJournal(folder);
  const journal: Journal = {
    ...kept,
    record: async (entry) => {
      await kept.record(entry);
      order.push(`journal ${entry.kind}`);
    },
  };
  const MADE: Readonly<Record<string, string>> = {
    createNetwork: 'network',
    importDisk: 'disk',
    createLinkedDisk: 'machine',
    forward: 'machine',
    createMachine: 'machine',
  };
  const sandboxes = { destroy: async () => {}, destroyShared: async () => {} } as unknown as Driver;
  const box = new Proxy(new VirtualBoxInMemory(sandboxes), {
    get: (target, name: keyof VirtualBox) => {
      if (name === 'start') return () => Promise.reject(new SlipwayError('COMMAND_FAILED', { tried: 'start it', cause: 'no driver' }));
      const method = target[name].bind(target) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        if (MADE[name]) order.push(name);
        return method(...args);
      };
    },
  });
  try {
    const image = join(folder, 'image.raw');
    writeFileSync(image, 'an image');
    const driver = createVirtualBoxDriver({ dataDir: folder, stateDir: folder, requirements: [], journal }, box);
    const context = { signal: new AbortController().signal, progress: () => {} };
    await assert.rejects(driver.create({ ...ID, settings: { image } }, context), { code: 'COMMAND_FAILED' });
    for (const [call, kind] of Object.entries(MADE)) {
      assert.ok(order.includes(call), `${call} was not called`);
      const entry = order.indexOf(`journal ${kind}`);
      assert.ok(entry >= 0 && entry < order.indexOf(call), `${call} came before its entry: ${order.join(', ')}`);
    }
    // By the name that `down` finds in the journal, where the machine was never finished.
    for (const { kind, name } of await kept.entries()) if (kind === 'machine') await driver.destroy({ cluster: 'demo', name });
    await driver.destroyShared('demo');
    assert.deepEqual(await kept.entries(), []);
    assert.deepEqual(await box.machines('/slipway/demo'), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a machine that somebody paused goes on when it is started, one that is off boots, one that runs is left alone', async () => {
  const asked: string[] = [];
  for (const state of ['paused', 'poweroff', 'saved', 'running']) {
    const driver = createVirtualBoxDriver({ dataDir: FOLDER, stateDir: FOLDER, requirements: [], journal: openJournal(FOLDER) }, {
      // Without its labels it is not logged in to.
      machine: async () => ({ state, labels: {} }),
      networks: async () => [],
      start: async () => void asked.push(`start ${state}`),
      resume: async () => void asked.push(`resume ${state}`),
    } as unknown as VirtualBox);
    await assert.rejects(driver.start(ID, { signal: new AbortController().signal, progress: () => {} }), { code: 'STEP_FAILED' });
  }
  assert.deepEqual(asked, ['resume paused', 'start poweroff', 'start saved']);
});
