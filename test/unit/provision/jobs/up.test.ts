/** What of a state and its journal stays when `up` fails. The hosts are ports of this computer at which nobody listens. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SlipwayError } from '../../../../src/base/errors/slipway-error.ts';
import { readClusterFile } from '../../../../src/provision/file/read-cluster-file.ts';
import { up } from '../../../../src/provision/jobs/up.ts';
import { makePlan } from '../../../../src/provision/plan/make-plan.ts';
import { type ClusterWishes, clusterSpec } from '../../../../src/provision/spec/cluster-spec.ts';
import { openJournal } from '../../../../src/provision/state/cluster-journal.ts';
import { type ClusterState, ClusterStateFolder } from '../../../../src/provision/state/cluster-state.ts';

const home = mkdtempSync(join(tmpdir(), 'slipway-home-'));
Object.assign(process.env, { SLIPWAY_HOME: home, SLIPWAY_DATA: join(home, 'data') });
after(() => rmSync(home, { recursive: true }));

const OPTIONS = { yes: false, keep: false, demo: false, mergeKubeconfig: false, switchContext: false };
const hostOf = (index: number): string => `127.0.0.${index}:1`;

/** A cluster of so many hosts, whose machines stand in the journal. */
const cluster = async (name: string, count: number, state: Partial<ClusterState>): Promise<ClusterStateFolder> => {
  const folder = new ClusterStateFolder(name);
  const hosts = Array.from({ length: count }, (_, index) => hostOf(index + 1));
  const spec = clusterSpec({ name, driver: 'ssh', hosts });
  await folder.write({ version: 2, spec, phase: 'ready', createdAt: '2026-01-01T00:00:00Z', dataDir: '/d', addresses: {}, ...state });
  for (const node of spec.nodes) {
    await openJournal(folder.path).record({ kind: 'machine', name: node.name, driver: 'ssh' });
    remember(folder, node.name);
  }
  return folder;
};

const remember = (folder: ClusterStateFolder, node: string): void => {
  mkdirSync(join(folder.path, 'ssh'), { recursive: true });
  writeFileSync(join(folder.path, 'ssh', `${node}.json`), JSON.stringify({ host: hostOf(9), address: '127.0.0.1' }));
};

const failureOf = async (wishes: ClusterWishes): Promise<SlipwayError> => {
  const job = up(wishes, { ...OPTIONS, signal: new AbortController().signal });
  const told = (async () => {
    for await (const _ of job.events);
  })().catch(() => {});
  const error = await job.result.then(
    () => assert.fail('it did not fail'),
    (failure: unknown) => failure,
  );
  await told;
  assert.ok(error instanceof SlipwayError, String(error));
  return error;
};

test('a machine that another computer has added is neither used nor removed, also where the cluster is known', async () => {
  const folder = await cluster('lab', 1, {});
  remember(folder, 'lab-2');
  const wishes = { name: 'lab', added: { count: 1, hosts: [hostOf(2)] } };
  const error = await failureOf(wishes);
  assert.equal(error.code, 'CLUSTER_EXISTS');
  assert.match(error.message, /not made from this state folder: lab-2/);
  assert.match(error.advice.join('\n'), /slipway adopt lab -f FILE/);
  assert.ok(existsSync(join(folder.path, 'ssh/lab-2.json')));
  assert.equal((await folder.require()).spec.nodes.length, 1);
  const planned = makePlan(
    { name: 'lab', driver: 'ssh', hosts: [hostOf(1), hostOf(2)] },
    { ...OPTIONS, signal: new AbortController().signal },
  );
  await assert.rejects(planned, { code: 'CLUSTER_EXISTS' });
});

test('nodes that failed go from the state, and the others stay in it', async () => {
  const folder = await cluster('rack', 1, { addresses: { 'rack-1': '192.0.2.1' } });
  await failureOf({ name: 'rack', added: { count: 1, hosts: [hostOf(2)] } });
  const { spec, addresses, phase } = await folder.require();
  assert.deepEqual([spec.nodes.map(({ name }) => name), phase, Object.keys(addresses)], [['rack-1'], 'ready', ['rack-1']]);
});

test('a new cluster that fails leaves nothing', async () => {
  await failureOf({ name: 'fresh', driver: 'ssh', hosts: [hostOf(1)] });
  assert.ok(!existsSync(new ClusterStateFolder('fresh').path));
});

test('what an interrupted run has made and the file has no more stays known until it is taken back', async () => {
  const folder = await cluster('cut', 3, { phase: 'creating' });
  const text = `apiVersion: slipway/v1
kind: Cluster
metadata: {name: cut}
spec: {driver: ssh, pools: [{name: main, hosts: ['${hostOf(1)}', '${hostOf(2)}']}]}
`;
  const { file: content, refuse } = readClusterFile(text, 'cut.yaml');
  const error = await failureOf({ name: 'cut', file: { content, folder: '/', refuse } });
  assert.match(error.advice.join('\n'), /slipway down cut {3}# removes what could not be taken back/);
  assert.equal((await folder.require()).phase, 'creating');
  assert.deepEqual(
    (await openJournal(folder.path).entries()).map(({ name }) => name),
    ['cut-3'],
  );
});
