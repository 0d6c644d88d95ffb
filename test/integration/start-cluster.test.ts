import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Deployment } from '../../src/api/types/apps-v1.ts';
import type { Node, Pod } from '../../src/api/types/core-v1.ts';
import { resource, type Stored, startCluster, type TestCluster } from '../../src/testing/index.ts';
import { until } from '../support/until.ts';

const podsOf = async ({ client }: TestCluster): Promise<Stored<Pod>[]> =>
  (await client.list<Stored<Pod>>(resource('pods'), { namespace: 'default' })).items;

const deploy = ({ client }: TestCluster, replicas: number) =>
  client.create<Stored<Deployment>>(resource('deployments'), {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    },
  });

test('a Deployment runs on nodes without machines, and its pods move from one that dies', async () => {
  await using cluster = await startCluster({
    fakeNodes: { count: 3, capacity: { cpu: '2' } },
    nodeMonitorGraceSeconds: 2,
    podEvictionSeconds: 0,
  });
  await deploy(cluster, 6);
  const running = (pods: Stored<Pod>[]) => pods.filter((pod) => pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp);
  await until(async () => running(await podsOf(cluster)).length === 6, { what: 'six pods' });
  const victim = (await podsOf(cluster))[0]?.spec?.nodeName as string;
  cluster.fakeNodes.kill(victim);
  await until(
    async () => {
      const alive = running(await podsOf(cluster)).filter((pod) => pod.spec?.nodeName !== victim);
      return alive.length === 6;
    },
    { what: 'six pods elsewhere', withinMs: 40_000 },
  );
  assert.throws(() => cluster.fakeNodes.kill(victim), /no fake node/);
  await cluster.fakeNodes.revive(victim);
  await until(
    async () => {
      const node = await cluster.client.get<Stored<Node>>(resource('node'), { name: victim });
      return !node.spec?.taints?.length;
    },
    { what: 'the node takes pods again', withinMs: 20_000 },
  );
});

test('a Job ends as its pods are told to', async () => {
  await using cluster = await startCluster({ fakeNodes: 1 });
  const template = {
    metadata: { annotations: { 'testing.slipway/ends': 'Succeeded' } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'work', image: 'work:1' }] },
  };
  const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'work', namespace: 'default' }, spec: { completions: 3, template } };
  await cluster.client.create(resource('jobs'), job);
  await until(
    async () => {
      const answer = await cluster.fetch('/apis/batch/v1/namespaces/default/jobs/work');
      return ((await answer.json()) as { status?: { succeeded?: number } }).status?.succeeded === 3;
    },
    { what: 'the job' },
  );
});

test('several at once share nothing, and leave nothing', async () => {
  const before = fixtures();
  const clusters = await Promise.all([startCluster(), startCluster({ store: 'sqlite' }), startCluster({ fakeNodes: 1 })]);
  assert.equal(new Set(clusters.map((cluster) => cluster.url)).size, 3);
  await Promise.all(
    clusters.map(({ client }, index) =>
      client.create(resource('cm'), { metadata: { name: `only-${index}`, namespace: 'default' }, data: {} }),
    ),
  );
  for (const [index, { client }] of clusters.entries()) {
    const { items } = await client.list(resource('cm'), { namespace: 'default' });
    assert.deepEqual(
      items.map((item) => item.metadata.name).filter((name) => name?.startsWith('only-')),
      [`only-${index}`],
    );
  }
  for (const { kubeconfigPath, kubeconfig } of clusters) {
    assert.equal(readFileSync(kubeconfigPath, 'utf8'), kubeconfig);
    assert.equal(statSync(kubeconfigPath).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(kubeconfigPath)).mode & 0o777, 0o700);
  }
  await Promise.all(clusters.map((cluster) => cluster.stop()));
  await Promise.all(clusters.map((cluster) => cluster.stop()));
  assert.deepEqual(fixtures(), before);
  for (const { fetch } of clusters) await assert.rejects(fetch('/readyz'), /ECONNREFUSED|destroyed/);
});

test('parts and rules can be left out', async () => {
  await using bare = await startCluster({ components: [], admission: { disabled: ['ServiceAccount', 'NamespaceLifecycle'] } });
  const pod = { metadata: { name: 'alone', namespace: 'nowhere' }, spec: { containers: [{ name: 'a', image: 'a' }] } };
  const created = await bare.client.create<Stored<Pod>>(resource('pods'), pod);
  assert.equal(created.spec?.serviceAccountName, undefined);
  await assert.rejects(
    startCluster({ admission: { disabled: ['PodSecurty'] } }),
    /no admission plugin is called PodSecurty; there are .*PodSecurity/,
  );
});

test('fetch streams: a watch tells of what happens after it began', async () => {
  await using cluster = await startCluster();
  const stopper = new AbortController();
  const answer = await cluster.fetch('/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0', { signal: stopper.signal });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const body = JSON.stringify({ metadata: { name: 'seen' } });
  const made = await cluster.fetch('/api/v1/namespaces/default/configmaps', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  assert.equal(made.status, 201);
  let text = '';
  while (!text.includes('"seen"')) text += Buffer.from((await reader.read()).value ?? []).toString();
  stopper.abort();
  await reader.cancel().catch(() => {});
});

const fixtures = (folder = tmpdir()): string[] => readdirSync(folder).filter((name) => name.startsWith('slipway-testing-'));

test('a process that ends without stopping its fixtures leaves nothing; one that forgets them still ends', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-fixture-'));
  try {
    const script = `const { startCluster } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/testing/index.ts'))});
      await startCluster(); await startCluster({ store: 'sqlite' }); process.exit(7);`;
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, TMPDIR: folder } });
    assert.equal(result.status, 7, String(result.stderr));
    assert.deepEqual(fixtures(folder), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what a killed process left is swept by the next one', async () => {
  const { makeFixtureFolder, sweepAbandoned } = await import('../../src/testing/fixture-folder.ts');
  const folder = mkdtempSync(join(tmpdir(), 'slipway-fixture-'));
  try {
    const script = `const { startCluster } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/testing/index.ts'))});
      await startCluster(); console.log('runs');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, TMPDIR: folder } });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const mine = makeFixtureFolder(folder);
    sweepAbandoned(() => assert.fail('its owner lives'), folder);
    child.kill('SIGKILL');
    await ended;
    const swept: string[] = [];
    sweepAbandoned((path) => swept.push(path), folder);
    assert.equal(swept.length, 1);
    assert.ok(existsSync(mine.path) && !existsSync(swept[0] as string));
    mine.remove();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
