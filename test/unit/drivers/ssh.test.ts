import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Driver } from '../../../src/drivers/driver.ts';
import { createSshDriver } from '../../../src/drivers/ssh/ssh-driver.ts';
import { sshFindings } from '../../../src/drivers/ssh/ssh-findings.ts';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';

test('a computer without ssh is warned that terminals on nodes need it, with what brings it', () => {
  const [finding, ...others] = sshFindings('/nowhere:/neither');
  assert.deepEqual(others, []);
  assert.equal(finding?.severity, 'warning');
  assert.match(finding?.problem ?? '', /slipway node ssh needs it/);
  assert.equal(finding?.fix, 'apt-get install openssh-client');
});

/** Nothing listens at these hosts: they are remembered, and cannot be logged in to. */
const inFolder = async (work: (driver: Driver, create: (settings: Record<string, unknown>) => Promise<unknown>) => Promise<void>) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'slipway-ssh-'));
  const driver = createSshDriver({ dataDir: stateDir, stateDir, requirements: [], journal: openJournal(stateDir) });
  const context = { signal: AbortSignal.timeout(10_000), progress: () => {} };
  try {
    await work(driver, (settings) => assert.rejects(driver.create({ ...ID, settings }, context)));
  } finally {
    await driver.destroy(ID);
    rmSync(stateDir, { recursive: true });
  }
};
const ID = { cluster: 'lab', name: 'lab-1' };

test('a host on the way that is named no more is on it no more', () =>
  inFolder(async (driver, create) => {
    await create({ host: 'root@127.0.0.2:1', jumpHost: 'root@127.0.0.1:1' });
    assert.deepEqual((await driver.passage?.(ID))?.through, ['root@[127.0.0.1]:1']);
    await create({ host: 'root@127.0.0.2:1' });
    assert.equal(await driver.passage?.(ID), undefined);
  }));

test('another host has its own address, and what a run that failed was told is forgotten', () =>
  inFolder(async (driver, create) => {
    const address = async () => (await driver.describe(ID))?.address;
    await create({ host: 'root@127.0.0.2:1', address: '10.0.0.1' });
    await create({ host: 'root@127.0.0.2:1' });
    assert.equal(await address(), '10.0.0.1');
    await create({ host: 'root@127.0.0.3:1' });
    assert.equal(await address(), '127.0.0.3');
    await driver.takeBack?.(ID);
    assert.equal(await address(), '10.0.0.1');
  }));

test('a node that moved is known at its new address, also where its host is not given by that', () =>
  inFolder(async (driver, create) => {
    const moved = async (settings: Record<string, unknown>): Promise<unknown> => {
      await create(settings);
      await driver.moved?.([{ id: ID, from: '10.0.0.1', to: '10.0.0.7' }]);
      return (await driver.describe(ID))?.address;
    };
    assert.equal(await moved({ host: 'root@127.0.0.2:1', address: '10.0.0.1' }), '10.0.0.7');
    assert.equal(await moved({ host: 'root@127.0.0.2:1', address: '10.0.0.12' }), '10.0.0.12');
  }));
