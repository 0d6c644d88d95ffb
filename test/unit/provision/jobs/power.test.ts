import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { SlipwayError } from '../../../../src/base/errors/slipway-error.ts';
import { withCluster } from '../../../../src/provision/jobs/power.ts';
import { clusterSpec } from '../../../../src/provision/spec/cluster-spec.ts';
import { ClusterStateFolder } from '../../../../src/provision/state/cluster-state.ts';

const home = mkdtempSync(join(tmpdir(), 'slipway-home-'));
process.env['SLIPWAY_HOME'] = home;
after(() => rmSync(home, { recursive: true }));

test('what a command that ended just now has written is not overwritten', async () => {
  const folder = new ClusterStateFolder('demo');
  const spec = clusterSpec({ name: 'demo' });
  await folder.write({ version: 2, spec, phase: 'ready', createdAt: '2026-01-01T00:00:00Z', dataDir: '/d', addresses: {} });
  const names = Array.from({ length: 30 }, (_, index) => `node-${index}`);
  const remember = async (name: string): Promise<void> => {
    for (;;)
      try {
        return await withCluster('demo', (cluster) =>
          cluster.folder.write({ ...cluster.state, addresses: { ...cluster.state.addresses, [name]: '192.0.2.1' } }),
        );
      } catch (error) {
        if (!(error instanceof SlipwayError && error.code === 'STATE_LOCKED')) throw error;
        await tick();
      }
  };
  await Promise.all(names.map(remember));
  assert.deepEqual(Object.keys((await folder.require()).addresses).sort(), names.sort());
});

test('a cluster that is not known is told, and leaves no lock and no folder', async () => {
  await new ClusterStateFolder('demo').remove();
  rmSync(join(home, 'locks'), { recursive: true, force: true });
  await assert.rejects(
    withCluster('nope', async () => {}),
    { code: 'CLUSTER_UNKNOWN' },
  );
  for (const name of ['locks', 'clusters/nope']) assert.ok(!existsSync(join(home, name)), name);
});
