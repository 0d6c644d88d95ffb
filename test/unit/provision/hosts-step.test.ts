import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import type { Host } from '../../../src/hosts/host.ts';
import { clusterContext } from '../../../src/provision/cluster-context.ts';
import type { ClusterDrivers } from '../../../src/provision/cluster-drivers.ts';
import type { ClusterSpec } from '../../../src/provision/spec/cluster-spec.ts';
import { NODE_REQUIREMENTS } from '../../../src/provision/spec/node-paths.ts';
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

/** What `up` says of lab-2, which was at 192.0.2.2, and is said to be at an address where nothing of it is. */
const toldOf = async (address: string, more: { newNodes?: string[]; controlPlane?: boolean } = {}): Promise<string> => {
  const node = {
    name: 'lab-2',
    controlPlane: more.controlPlane ?? false,
    driver: 'ssh',
    pool: 'p',
    labels: {},
    taints: [],
    settings: { host: address },
  };
  const machine = process.arch === 'x64' ? 'x86_64' : 'aarch64';
  const facts = [
    'id=debian',
    'title=Debian',
    `machine=${machine}`,
    'init=systemd',
    ...NODE_REQUIREMENTS.map(({ needs }) => `has=${needs}`),
  ];
  const run = async (argv: readonly string[]) => {
    if (argv[2]?.includes('ln "$new"')) throw new Error('it would be marked');
    return { exitCode: 0, stdout: `${facts.join('\n')}\n`, stderr: '' };
  };
  const context = clusterContext({
    spec: { name: 'lab', nodes: [node] } as unknown as ClusterSpec,
    folder: new ClusterStateFolder('lab', '/nowhere'),
    state: { createdAt: '2026-01-01T00:00:00Z', addresses: { 'lab-2': '192.0.2.2' } } as never,
    drivers: {} as ClusterDrivers,
    signal: AbortSignal.timeout(10_000),
    options: { yes: true, keep: false, demo: false, mergeKubeconfig: false, switchContext: false },
    newNodes: more.newNodes ?? [],
    machines: new Map([['lab-2', { cluster: 'lab', name: 'lab-2', state: 'running', address, sameNetwork: false }]]),
    hosts: new Map([['lab-2', { name: 'lab-2', run } as unknown as Host]]),
  });
  return hosts
    .apply(context, () => {})
    .then(
      () => 'nothing',
      (error: SlipwayError) => [error.message, ...(error.advice ?? [])].join('\n'),
    );
};

test('a node does not become another machine by its address alone; a host that was reset, or is new, is laid', async () => {
  assert.match(
    await toldOf('192.0.2.7'),
    /lab-2 is known at 192\.0\.2\.2[\s\S]*slipway node replace lab-2 --cluster lab --host 192\.0\.2\.7/,
  );
  assert.match(await toldOf('192.0.2.7', { controlPlane: true }), /lab-2 is known at[\s\S]*slipway up lab {3}#/);
  assert.match(await toldOf('192.0.2.2'), /it would be marked/);
  assert.match(await toldOf('192.0.2.7', { newNodes: ['lab-2'] }), /it would be marked/);
});
