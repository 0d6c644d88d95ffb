import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import { clusterSpec } from '../../../src/provision/spec/cluster-spec.ts';
import { type ClusterState, ClusterStateFolder, clusterNames } from '../../../src/provision/state/cluster-state.ts';

const home = mkdtempSync(join(tmpdir(), 'slipway-home-'));
after(() => rmSync(home, { recursive: true }));
const state: ClusterState = {
  version: 2,
  spec: clusterSpec({ name: 'demo' }),
  phase: 'ready',
  createdAt: '2026-01-01T00:00:00Z',
  dataDir: '/d',
  addresses: {},
};

test('a state is read as it was written, and only its owner can read it', async () => {
  const folder = new ClusterStateFolder('demo', home);
  assert.equal(await folder.read(), undefined);
  await folder.write(state);
  await folder.writeFile('pki/ca.key', 'secret');
  assert.deepEqual(await folder.read(), JSON.parse(JSON.stringify(state)));
  assert.deepEqual(await clusterNames(home), ['demo']);
  for (const [path, mode] of [
    ['clusters/demo', 0o700],
    ['clusters/demo/pki', 0o700],
    ['clusters/demo/state.json', 0o600],
    ['clusters/demo/pki/ca.key', 0o600],
  ] as const)
    assert.equal(statSync(join(home, path)).mode & 0o777, mode, path);
});

test('a state of version 1 is read as one of today', async () => {
  const old = new ClusterStateFolder('old', home);
  const spec = { name: 'old', driver: 'ssh', nodes: [{ name: 'old-1', controlPlane: true, settings: { host: 'root@192.0.2.1' } }] };
  await old.writeFile('state.json', JSON.stringify({ ...state, version: 1, spec }));
  assert.deepEqual((await old.require()).spec, {
    ...spec,
    driverSettings: {},
    nodes: [{ ...spec.nodes[0], pool: 'main', driver: 'ssh', labels: {}, taints: [] }],
  });
  await old.remove();
});

test('a cluster that is not there is named with those that are', async () => {
  await assert.rejects(new ClusterStateFolder('nope', home).require(), { code: 'CLUSTER_UNKNOWN', reason: 'there are demo' });
});

for (const text of ['', '{', '[]', '{"version":3}', '{"version":2,"spec":{"name":"other","nodes":[]}}'])
  test(`a state file that says ${JSON.stringify(text)} is corrupt, and nothing else happens`, async () => {
    const folder = new ClusterStateFolder('broken', home);
    mkdirSync(folder.path, { recursive: true });
    writeFileSync(join(folder.path, 'state.json'), text);
    await assert.rejects(folder.read(), { code: 'STATE_CORRUPT' });
  });

test('a state that is lost is told apart from a cluster that was never begun', async () => {
  const folder = new ClusterStateFolder('killed', home);
  assert.equal(await folder.isBegun(), false);
  await folder.writeFile('state.json.0a1b2c3d', '{"version":2');
  assert.equal(await folder.isBegun(), false);
  await folder.writeFile('journal.jsonl', '');
  assert.equal(await folder.isBegun(), true);
  await assert.rejects(folder.require(), (error: SlipwayError) => {
    assert.equal(error.reason, `${folder.path} has no state.json`);
    assert.match(error.advice.join(), /slipway adopt killed/);
    return true;
  });
  await folder.remove();
  assert.ok(!existsSync(folder.path));
});

test('a lock is held by one, says by whom, and can be taken again after it was let go', () => {
  const folder = new ClusterStateFolder('demo', home);
  const unlock = folder.lock();
  assert.throws(() => folder.lock(), { code: 'STATE_LOCKED', reason: `another slipway works on it (process ${process.pid})` });
  unlock();
  folder.lock()();
  assert.deepEqual(readdirSync(join(home, 'locks')), []);
});

test('a lock of a process that is gone is taken over', () => {
  const folder = new ClusterStateFolder('demo', home);
  writeFileSync(join(home, 'locks', 'demo'), '4194303 12345\n');
  folder.lock()();
  symlinkSync('4194303 12345', join(home, 'locks', 'demo'));
  folder.lock()();
  assert.deepEqual(readdirSync(join(home, 'locks')), []);
});

test('a folder that cannot be written is told with what mends it', async () => {
  writeFileSync(join(home, 'file'), '');
  const folder = new ClusterStateFolder('demo', join(home, 'file'));
  assert.throws(() => folder.lock(), { code: 'STATE_UNWRITABLE', reason: 'a part of the path is a file (ENOTDIR)' });
  await assert.rejects(folder.writeFile('x', 'y'), { code: 'STATE_UNWRITABLE' });
});
