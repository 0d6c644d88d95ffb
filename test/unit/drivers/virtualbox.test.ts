import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VirtualBox, VirtualBoxVersion } from '../../../src/drivers/virtualbox/virtualbox.ts';
import { createVirtualBoxDriver } from '../../../src/drivers/virtualbox/virtualbox-driver.ts';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';

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
