import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openDrivers } from '../../../src/provision/cluster-drivers.ts';
import { readClusterFile } from '../../../src/provision/file/read-cluster-file.ts';
import { down } from '../../../src/provision/jobs/down.ts';
import { makePlan } from '../../../src/provision/plan/make-plan.ts';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';
import { ClusterStateFolder } from '../../../src/provision/state/cluster-state.ts';
import { journalFound } from '../../../src/provision/state/journalled-settings.ts';

const home = mkdtempSync(join(tmpdir(), 'slipway-home-'));
Object.assign(process.env, { SLIPWAY_HOME: home, SLIPWAY_DATA: join(home, 'data'), AWS_REGION: 'us-east-1' });
after(() => rmSync(home, { recursive: true }));

const downOf = async (name: string): Promise<string[]> => {
  const job = down(name, { force: false });
  const told = (async () => {
    for await (const _ of job.events);
  })().catch(() => {});
  const { machines } = await job.result.finally(() => told);
  return machines;
};

const regionOf = async (folder: ClusterStateFolder, driverSettings: Record<string, Record<string, unknown>>) => {
  const drivers = openDrivers({ name: folder.name, driver: 'aws', nodes: [], driverSettings }, { folder, dataDir: '/d' });
  return (await drivers.named('aws')).cloud?.region;
};

test('a driver looks where the journal says that the cluster was made, whatever the environment says today', async () => {
  const folder = new ClusterStateFolder('cloud');
  assert.equal(await regionOf(folder, {}), 'us-east-1');
  assert.equal(await regionOf(folder, { aws: { region: 'eu-north-1' } }), 'eu-north-1');
  const journal = openJournal(folder.path);
  await journal.record({ kind: 'vpc', name: 'slipway-cloud', driver: 'aws', details: { region: 'eu-west-1' } });
  await journal.record({ kind: 'machine', name: 'cloud-1', driver: 'aws', details: { token: 't', zone: 'eu-west-1a' } });
  assert.equal(await regionOf(folder, {}), 'eu-west-1');
});

test('a file that says another place is refused, as what was made would be left behind', async () => {
  const text =
    'apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: cloud}\nspec: {driver: aws, drivers: {aws: {region: eu-north-1}}}\n';
  const { file: content, refuse } = readClusterFile(text, 'cloud.yaml');
  const options = { yes: false, keep: false, demo: false, mergeKubeconfig: false, switchContext: false };
  await assert.rejects(
    makePlan({ name: 'cloud', file: { content, folder: '/', refuse } }, { ...options, signal: new AbortController().signal }),
    {
      code: 'CONFIG_INVALID',
      message: /spec\.drivers\.aws\.region is eu-west-1 since the cluster was made/,
    },
  );
});

test('without a state, down forgets no machine that is not to be found', async () => {
  const journal = openJournal(new ClusterStateFolder('lost').path);
  await journal.record({ kind: 'machine', name: 'lost-1', driver: 'local', details: { address: '10.89.0.11' } });
  await assert.rejects(downOf('lost'), { code: 'NODE_UNKNOWN', message: /lost-1 \(local\), which is not to be found from here/ });
  assert.deepEqual(
    (await journal.entries()).map(({ name }) => name),
    ['lost-1'],
  );
});

test("without a state, down asks the drivers that the journal names, and takes nothing of another's for the cluster", async () => {
  const folder = new ClusterStateFolder('rented');
  await openJournal(folder.path).record({ kind: 'machine', name: 'rented-1', driver: 'ssh', id: '127.0.0.1:1' });
  const others = join(home, 'data/clusters/rented/nodes/rented-2');
  mkdirSync(others, { recursive: true });
  writeFileSync(join(others, 'machine.json'), '{"address":"10.89.0.12"}');
  await assert.rejects(downOf('rented'), { code: 'NODE_UNKNOWN', message: /rented-1 \(ssh\)/ });
  await openJournal(folder.path).forget({ kind: 'machine', name: 'rented-1', driver: 'ssh' });
  await openJournal(folder.path).record({ kind: 'known-host', name: 'rented', driver: 'ssh' });
  assert.deepEqual(await downOf('rented'), []);
  assert.ok(existsSync(others));
});

test('a cluster that is adopted has its place in the journal, and what stood there stays', async () => {
  const folder = new ClusterStateFolder('adopted');
  const journal = openJournal(folder.path);
  await journal.record({ kind: 'machine', name: 'adopted-2', driver: 'aws', id: 'i-2', details: { token: 't', generation: '3' } });
  const drivers = openDrivers({ name: 'adopted', driver: 'aws', nodes: [] }, { folder, dataDir: '/d' });
  for (const name of ['adopted-1', 'adopted-2']) await journalFound(journal, await drivers.named('aws'), { cluster: 'adopted', name });
  process.env['AWS_REGION'] = 'ap-south-1';
  try {
    assert.equal(await regionOf(folder, {}), 'us-east-1');
  } finally {
    process.env['AWS_REGION'] = 'us-east-1';
  }
  assert.deepEqual(
    (await journal.entries()).find(({ name }) => name === 'adopted-2'),
    { kind: 'machine', name: 'adopted-2', driver: 'aws', id: 'i-2', details: { region: 'us-east-1', token: 't', generation: '3' } },
  );
});
