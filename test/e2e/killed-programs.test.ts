/** kill -9 of every program that a cluster is made of: containers go on, nothing acknowledged is lost, watches miss nothing. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { configMap } from '../../src/api/core/config-map.ts';
import type { KubeObject } from '../../src/api/meta/object.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createInformer } from '../../src/client/informer/informer.ts';
import { createRestTransport } from '../../src/client/rest/rest-transport.ts';
import { connectionOf, parseKubeconfig } from '../../src/pki/kubeconfig.ts';
import { deploymentManifest, untilReady } from '../support/demo-cluster.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};

before(async () => {
  await slipway('up', 'kill', '--yes');
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: 2 }));
  await slipway('apply', '-f', join(suite.root, 'web.yaml'));
  await untilReady(suite, 'app=web', 2);
});
after(() => suite.slipway(['down', 'kill', '--force']));

/** Process ids of a program on all nodes, as the suite sees them. */
const pidsOf = async (pattern: string): Promise<number[]> => {
  const { stdout } = await suite.run(['pgrep', '-f', pattern]);
  return stdout.split('\n').filter(Boolean).map(Number);
};
const killAll = async (pattern: string): Promise<void> => {
  const pids = await pidsOf(pattern);
  assert.ok(pids.length > 0, `nothing runs as ${pattern}`);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until(async () => (await pidsOf(pattern)).some((pid) => !pids.includes(pid)), { withinMs: 30_000, what: `${pattern} runs again` });
};
const containers = (): Promise<string> =>
  slipway(
    'get',
    'pods',
    '-l',
    'app=web',
    '-o',
    'jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\\n"}{end}',
  );
const aPod = async (): Promise<string> => (await slipway('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n')[0] as string;

for (const [name, pattern] of [
  ['agent', 'slipway-agent.js'],
  ['containerd', '^/usr/bin/containerd( |$)|containerd --config'],
] as const)
  test(`${name} killed on every node: the same containers go on, and are found again`, async () => {
    const beforeKill = await containers();
    await killAll(pattern);
    await until(async () => (await suite.slipway(['exec', await aPod(), '--', 'echo', 'hello'])).stdout === 'hello\n', {
      withinMs: 60_000,
      what: 'exec works again',
    });
    await untilReady(suite, 'app=web', 2);
    assert.equal(await containers(), beforeKill);
  });

const openClient = async (): Promise<{ client: Client; close: () => Promise<void> }> => {
  const connection = await connectionOf(parseKubeconfig(readFileSync(suite.kubeconfig, 'utf8'), suite.kubeconfig));
  const transport = createRestTransport({
    servers: [connection.server],
    ca: connection.caPem,
    cert: connection.certPem,
    key: connection.keyPem,
  });
  return { client: createClient(transport), close: () => transport.close() };
};

test('the server killed again and again under writes: what was acknowledged is there, and a watcher has seen all of it', async (context) => {
  const { client, close } = await openClient();
  const seen = new Set<string>();
  const informer = createInformer<KubeObject>({
    client,
    resource: configMap,
    namespace: 'default',
    log: createLogger({ level: 'silent' }),
  });
  informer.addHandler({ add: (object) => void seen.add(object.metadata.name ?? '') });
  informer.start();
  const acknowledged = new Set<string>();
  let writing = true;
  const writer = async (id: number): Promise<void> => {
    for (let count = 0; writing; count++) {
      const name = `write-${id}-${count}`;
      try {
        await client.create(configMap, { metadata: { name, namespace: 'default' }, data: { id: name } } as KubeObject, {
          namespace: 'default',
        });
        acknowledged.add(name);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20)); // The server is away: its answer is not known, so nothing is claimed.
      }
    }
  };
  const writers = Promise.all(Array.from({ length: 8 }, (_, id) => writer(id)));
  for (let round = 0; round < 5; round++) {
    const goal = acknowledged.size + 100;
    await until(() => acknowledged.size >= goal, { withinMs: 60_000, what: '100 more writes' });
    await killAll('slipway-server.js');
  }
  const goal = acknowledged.size + 50;
  await until(() => acknowledged.size >= goal, { withinMs: 60_000, what: 'writes go on' });
  writing = false;
  await writers;
  const { items } = await client.list(configMap, { namespace: 'default' });
  const stored = new Set(items.map((item) => item.metadata.name ?? ''));
  assert.deepEqual(
    [...acknowledged].filter((name) => !stored.has(name)),
    [],
    'acknowledged, but not there',
  );
  await until(() => [...stored].every((name) => seen.has(name)), { withinMs: 30_000, what: 'the watcher has seen every object' });
  context.diagnostic(`${acknowledged.size} acknowledged writes over 5 kills, none lost`);
  await informer.stop();
  await close();
});

test('after all of it the cluster does its work', async () => {
  await slipway('scale', 'deployment', 'web', '--replicas=4');
  await untilReady(suite, 'app=web', 4);
});
