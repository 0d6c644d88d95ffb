/** What the list of drivers says of each, for those who ask before one is loaded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DRIVERS } from '../../../src/drivers/index.ts';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';

const FOLDER = '/nonexistent';

for (const descriptor of DRIVERS)
  test(`${descriptor.name} ${descriptor.keepsDisks ? 'keeps' : 'does not keep'} disks, as the list says`, async () => {
    const driver = await descriptor.load({ dataDir: FOLDER, stateDir: FOLDER, requirements: [], journal: openJournal(FOLDER) });
    assert.equal(driver.disks !== undefined, descriptor.keepsDisks === true);
  });
