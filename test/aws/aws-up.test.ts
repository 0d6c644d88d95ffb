/** From nothing to an answer of a pod through a balancer of the cloud: moto as AWS, and a sandbox with a real sshd for every instance. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { awsClusterFile } from '../support/aws/aws-cluster-file.ts';
import { type AwsWorld, startAwsWorld } from '../support/aws/aws-world.ts';
import { serveBalancer } from '../support/aws/balancer.ts';
import { findMoto } from '../support/aws/moto.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const moto = findMoto();
const suite = await enterSuite(import.meta.filename);
const file = join(suite.root, 'cluster.yaml');
const writeCluster = (clientCidrs: string): void =>
  writeFileSync(file, awsClusterFile({ settings: `clientCidrs: [${clientCidrs}]`, count: 2 }));
writeCluster('10.100.0.1/32, 203.0.113.0/24');

describe('a cluster on AWS', { skip: 'missing' in moto ? moto.missing : false }, () => {
  let world: AwsWorld;
  before(async () => {
    world = await startAwsWorld(suite);
  });
  after(() => world?.close());
  const json = async <T>(...args: string[]): Promise<T> => {
    const { stdout, stderr } = await suite.slipway([...args, '-o', 'json']);
    return JSON.parse(stdout || JSON.stringify({ problem: stderr })) as T;
  };

  test('up makes instances, and an application answers through its Service', async () => {
    const startedAt = performance.now();
    const result = await suite.slipway(['up', '-f', file], { timeoutMs: 300_000 });
    assert.equal(result.code, 0, result.stderr + world.hosts.problems.join('\n'));
    assert.match(result.stderr, /ok +Fetching the demo through its Service/);
    console.log(`# up on 2 instances, from no network to the demo's answer: ${Math.round(performance.now() - startedAt)} ms`);
  });

  test('nodes know their machines', async () => {
    interface Node {
      metadata: { name: string; labels: Record<string, string> };
      spec: { providerID?: string };
    }
    await until(async () => (await json<{ items: Node[] }>('get', 'nodes')).items?.every((node) => node.spec.providerID), {
      what: 'providerIDs',
    });
    const { items } = await json<{ items: Node[] }>('get', 'nodes');
    assert.deepEqual(
      items.map((node) => node.metadata.labels['topology.kubernetes.io/zone']),
      ['eu-central-1a', 'eu-central-1b'],
    );
    assert.match(items[0]?.spec.providerID ?? '', /^aws:\/\/\/eu-central-1a\/i-/);
  });

  test('with another list of who may get in, plan shows what changes and up does it', async () => {
    writeCluster('10.100.0.1/32, 192.0.2.0/24');
    const plan = await suite.slipway(['plan', '-f', file, '--detailed-exitcode']);
    assert.equal(plan.code, 2, plan.stderr);
    assert.match(plan.stdout, /~ security-group slipway-cloud +SSH and API .*: opened to 192\.0\.2\.0\/24, closed to 203\.0\.113\.0\/24/);
    assert.equal((await suite.slipway(['up', '-f', file])).code, 0);
    const { SecurityGroups = [] } = await world.ec2.describeSecurityGroups({
      Filters: [{ Name: 'group-name', Values: ['slipway-cloud'] }],
    });
    const cidrs = SecurityGroups.flatMap((group) => group.IpPermissions ?? []).flatMap((rule) => rule.IpRanges ?? []);
    assert.deepEqual([...new Set(cidrs.map((range) => range.CidrIp))].toSorted(), ['10.100.0.1/32', '192.0.2.0/24']);
    const again = await suite.slipway(['plan', '-f', file]);
    assert.match(again.stdout, /No changes/);
  });

  test('a Service of type LoadBalancer gets a balancer that answers, and takes it along', async (t) => {
    const exposed = await suite.slipway(
      ['expose', 'deployment', 'demo', '--name', 'front', '--type', 'LoadBalancer', '--port', '80', '--target-port', '8080'],
      {},
    );
    assert.equal(exposed.code, 0, exposed.stderr);
    interface Service {
      status: { loadBalancer?: { ingress?: { hostname: string }[] } };
    }
    let hostname: string | undefined;
    await until(
      async () => {
        hostname = (await json<Service>('get', 'service', 'front')).status?.loadBalancer?.ingress?.[0]?.hostname;
        return hostname;
      },
      { what: 'the host name of the balancer', withinMs: 60_000 },
    );
    const balancer = await serveBalancer(world, { hostname: hostname ?? '', port: 80 });
    t.after(balancer.close);
    for (const _ of [1, 2]) {
      const answer = await fetch(balancer.url, { signal: AbortSignal.timeout(10_000) });
      assert.equal(answer.status, 200);
      await answer.text();
    }
    assert.equal((await suite.slipway(['delete', 'service', 'front'])).code, 0);
    assert.deepEqual(await world.balancers(), []);
  });

  test('what Services left goes with the cluster, and nothing of it stays', async () => {
    await suite.slipway([
      'expose',
      'deployment',
      'demo',
      '--name',
      'front',
      '--type',
      'LoadBalancer',
      '--port',
      '80',
      '--target-port',
      '8080',
    ]);
    await until(async () => (await world.balancers()).length === 2, { what: 'a balancer and its group', withinMs: 60_000 });
    const result = await suite.slipway(['down', 'cloud']);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(await world.leftovers('cloud'), []);
  });

  test('up that is killed in the middle is taken away by down, also when its files are lost', async () => {
    for (const loseFiles of [false, true]) {
      const seen = world.shim.calls.length;
      const running = suite.startSlipway(['up', '-f', file]);
      await until(() => world.shim.calls.slice(seen).includes('RunInstances'), { what: 'a request for an instance', withinMs: 60_000 });
      running.signal('SIGKILL');
      await running.ended;
      if (loseFiles) rmSync(join(suite.home, 'clusters', 'cloud'), { recursive: true, force: true });
      const result = await suite.slipway(['down', 'cloud', ...(loseFiles ? ['--force', '--driver', 'aws'] : [])]);
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(await world.leftovers('cloud'), []);
    }
  });
});
