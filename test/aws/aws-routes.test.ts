/** Pods that are routed by the network of the cloud: its table is the kernel's behind the instances, which have none of their own. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { RouteTable } from '@aws-sdk/client-ec2';
import { awsClusterFile } from '../support/aws/aws-cluster-file.ts';
import { type AwsWorld, startAwsWorld } from '../support/aws/aws-world.ts';
import { findMoto } from '../support/aws/moto.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const moto = findMoto();
const suite = await enterSuite(import.meta.filename);
const file = join(suite.root, 'cluster.yaml');
const writeCluster = (more: string): void =>
  writeFileSync(file, awsClusterFile({ settings: `clientCidrs: [10.100.0.1/32]${more}`, count: 3 }));

const [yes, no] = [() => true, () => false];

interface Node {
  metadata: { name: string };
  spec: { podCIDR: string; providerID: string };
  status: { conditions: { type: string; status: string; reason: string }[] };
}

describe('a cluster whose pods are routed by AWS', { skip: 'missing' in moto ? moto.missing : false }, () => {
  let world: AwsWorld;
  before(async () => {
    world = await startAwsWorld(suite);
  });
  after(() => world?.close());
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await suite.slipway([...args, '-o', 'json'])).stdout) as T;
  const nodes = async (): Promise<Node[]> => (await json<{ items: Node[] }>('get', 'nodes')).items;
  const table = async (): Promise<RouteTable> => {
    const { RouteTables: [found = {}] = [] } = await world.ec2.describeRouteTables({
      Filters: [{ Name: 'tag:slipway/cluster', Values: ['cloud'] }],
    });
    return found;
  };
  /** Of the table: `10.244.0.0/24 i-0123`. */
  const routes = async (): Promise<string[]> => {
    const { Routes = [] } = await table();
    return Routes.flatMap(({ DestinationCidrBlock, InstanceId }) =>
      InstanceId ? [`${DestinationCidrBlock} ${InstanceId}`] : [],
    ).toSorted();
  };
  const wanted = async (): Promise<string[]> =>
    (await nodes()).map(({ spec }) => `${spec.podCIDR} ${spec.providerID.split('/').at(-1)}`).toSorted();
  const onNode = async (name: string, command: string): Promise<string> => {
    const { code, stdout, stderr } = await suite.slipway(['node', 'ssh', name, '--cluster', 'cloud', '--', 'sh', '-c', command]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  /** Every node asks every pod of the demo. */
  const everyPodAnswers = async (): Promise<void> => {
    const { items } = await json<{ items: { status: { podIP: string }; spec: { nodeName: string } }[] }>('get', 'pods', '-l', 'app=demo');
    assert.ok(new Set(items.map(({ spec }) => spec.nodeName)).size > 1);
    for (const { metadata } of await nodes())
      for (const { status } of items) await onNode(metadata.name, `timeout 5 bash -c ': < /dev/tcp/${status.podIP}/8080'`);
  };

  test('it comes up with VXLAN, and goes over to routes of the network while it runs', async () => {
    writeCluster('');
    assert.equal((await suite.slipway(['up', '-f', file], { timeoutMs: 300_000 })).code, 0);
    assert.deepEqual(await routes(), []);
    assert.match(await onNode('cloud-2', 'ip route show proto 83'), /dev slipway\.1/, 'what AWS drops without routes travels in VXLAN');
    assert.equal((await suite.slipway(['scale', 'deployment', 'demo', '--replicas', '3'])).code, 0);
    assert.equal((await suite.slipway(['rollout', 'status', 'deployment', 'demo'])).code, 0);
    writeCluster(', podRoutes: true');
    const plan = await suite.slipway(['plan', '-f', file]);
    assert.match(plan.stdout, /~ machine cloud-2 .*lets packets of pods through/);
    assert.match(plan.stdout, /agent\.json/);
    const result = await suite.slipway(['up', '-f', file], { timeoutMs: 300_000 });
    assert.equal(result.code, 0, result.stderr + world.hosts.problems.join('\n'));
    assert.match((await suite.slipway(['plan', '-f', file])).stdout, /No changes/);
  });

  test('the table leads to every node, and nodes have no routes of their own', async () => {
    await until(async () => isDeepStrictEqual(await routes(), await wanted()), { what: 'routes', withinMs: 30_000 });
    const says = async (): Promise<boolean> =>
      (await nodes()).every(({ status }) => status.conditions.some(({ reason }) => reason === 'RouteCreated'));
    await until(says, { what: 'the word of nodes', withinMs: 30_000 });
    assert.equal(await onNode('cloud-2', 'ip route show proto 83'), '');
    await everyPodAnswers();
  });

  test('a route that somebody has taken away comes back', async () => {
    const [first = ''] = await routes();
    const { RouteTableId } = await table();
    await world.ec2.deleteRoute({ RouteTableId, DestinationCidrBlock: first.split(' ')[0] });
    await until(async () => (await routes()).includes(first), { what: 'the route', withinMs: 30_000 });
    await until(() => everyPodAnswers().then(yes, no), { what: 'answers of all pods', withinMs: 30_000 });
  });

  test('a node that leaves takes its route along, and down leaves nothing', async () => {
    const removed = await suite.slipway(['node', 'remove', 'cloud-3', '--cluster', 'cloud']);
    assert.equal(removed.code, 0, removed.stderr);
    await until(async () => (await routes()).length === 2, { what: 'the end of the route', withinMs: 30_000 });
    assert.equal((await suite.slipway(['down', 'cloud'])).code, 0);
    assert.deepEqual(await world.leftovers('cloud'), []);
  });
});
