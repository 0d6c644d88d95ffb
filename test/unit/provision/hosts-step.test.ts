import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../../src/hosts/host.ts';
import { clusterContext } from '../../../src/provision/cluster-context.ts';
import type { ClusterDrivers } from '../../../src/provision/cluster-drivers.ts';
import type { ClusterSpec } from '../../../src/provision/spec/cluster-spec.ts';
import { ClusterStateFolder } from '../../../src/provision/state/cluster-state.ts';
import { hosts } from '../../../src/provision/steps/hosts.ts';

/** No computer that runs tests is one. */
const FACTS = 'id=debian\ntitle=Debian GNU/Linux 12\nmachine=sparc\ninit=systemd\n';

test('all hosts are asked what they are at the same time, each once, and all that cannot be nodes are named', async () => {
  const names = ['lab-1', 'lab-2', 'lab-3'];
  const asked: string[] = [];
  const { promise: allAsked, resolve } = Promise.withResolvers<void>();
  const hostNamed = (name: string): Host =>
    ({
      name,
      run: async () => {
        asked.push(name);
        if (asked.length === names.length) resolve();
        // Who asks one after the other waits here for ever.
        await allAsked;
        return { exitCode: 0, stdout: FACTS, stderr: '' };
      },
    }) as unknown as Host;
  const nodes = names.map((name, index) => ({
    name,
    controlPlane: index === 0,
    driver: 'ssh',
    pool: 'p',
    labels: {},
    taints: [],
    settings: {},
  }));
  const context = clusterContext({
    spec: { name: 'lab', nodes } as unknown as ClusterSpec,
    folder: new ClusterStateFolder('lab', '/nowhere'),
    state: { createdAt: '2026-01-01T00:00:00Z', addresses: {} } as never,
    drivers: {} as ClusterDrivers,
    signal: AbortSignal.timeout(10_000),
    options: { yes: false, keep: false, demo: false, mergeKubeconfig: false, switchContext: false },
    hosts: new Map(names.map((name) => [name, hostNamed(name)])),
  });
  await assert.rejects(
    hosts.apply(context, () => {}),
    (error: Error) => {
      for (const name of names) assert.match(error.message, new RegExp(name));
      return true;
    },
  );
  assert.deepEqual(asked, names);
});
