/** Balancers and nodes of a cloud: the real API server and controllers, over a cloud that is a table in memory. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { event as events } from '../../src/api/core/event.ts';
import { namespace as namespaces } from '../../src/api/core/namespace.ts';
import { node as nodes } from '../../src/api/core/node.ts';
import { service as services } from '../../src/api/core/service.ts';
import type { Stored } from '../../src/api/meta/object.ts';
import { isNotFound } from '../../src/api/meta/status.ts';
import type { Event, Node, Service } from '../../src/api/types/core-v1.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import { createClient } from '../../src/client/create-client.ts';
import type { BalancerSpec, CloudInstance, CloudProvider, CloudRoute, CloudRoutes } from '../../src/controllers/cloud.ts';
import { createControllerManager } from '../../src/controllers/controller-manager.ts';
import { FakeNodes } from '../../src/testing/fake-nodes.ts';
import { startApiServer } from '../support/api-server.ts';
import { bindInTurn } from '../support/bind-in-turn.ts';
import { until } from '../support/until.ts';

const MERGE = { type: 'application/merge-patch+json' } as const;

class TableCloud implements CloudProvider {
  readonly name = 'table';
  readonly balancers = new Map<string, BalancerSpec>();
  readonly instances = new Map<string, CloudInstance>();
  /** Machines by range. */
  readonly table = new Map<string, string>([['0.0.0.0/0', '']]);
  ensures = 0;
  looks = 0;
  refusal: string | undefined;
  fullTable = false;

  async instance({ name }: { name: string }): Promise<CloudInstance | undefined> {
    return this.instances.get(name);
  }
  async ensureBalancer(wanted: BalancerSpec): Promise<{ hostname: string }[]> {
    this.ensures++;
    if (this.refusal) throw new Error(this.refusal);
    this.balancers.set(wanted.id, wanted);
    return [{ hostname: `${wanted.id.slice(0, 6)}.lb.test` }];
  }
  async removeBalancer(id: string): Promise<void> {
    if (this.refusal) throw new Error(this.refusal);
    this.balancers.delete(id);
  }
  readonly routes: CloudRoutes = {
    list: async () => {
      this.looks++;
      return [...this.table].map(([range, machine]) => ({ range, machine })).filter(({ range }) => range.startsWith('10.244.'));
    },
    ensure: async ({ range, machine }: CloudRoute) => {
      if (this.fullTable) throw new Error('the table is full');
      this.table.set(range, machine);
    },
    remove: async (range) => void this.table.delete(range),
  };
}

describe('controllers of a cloud', () => {
  const cloud = new TableCloud();
  let server: Awaited<ReturnType<typeof startApiServer>>;
  let manager: ReturnType<typeof createControllerManager>;
  let fakes: FakeNodes;
  let stopBinding: (() => Promise<void>) | undefined;
  let client: ReturnType<typeof createClient>;

  before(async () => {
    server = await startApiServer();
    const apiServer = server.server;
    client = createClient(apiServer.localTransport({ name: 'admin', groups: ['system:masters'] }));
    for (const name of ['node-1', 'node-2', 'node-3']) cloud.instances.set(name, instanceOf(name));
    manager = createControllerManager({
      transportFor: (user) => apiServer.localTransport(user),
      config: { nodeMonitorGraceSeconds: 2, podCidr: '10.244.0.0/16', nodeCidrMaskSize: 24, cloud },
      log: createLogger({ level: 'silent' }),
    });
    await manager.start();
    fakes = new FakeNodes(client, { count: 3, renewMs: 1000, log: createLogger({ level: 'silent' }) });
    await fakes.start();
    stopBinding = await bindInTurn(client, fakes);
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  });
  after(async () => {
    await stopBinding?.();
    await fakes?.stop();
    await manager?.stop();
    await server?.stop();
  });

  const instanceOf = (name: string): CloudInstance => ({
    providerId: `table:///z1/${name}`,
    type: 'small',
    zone: 'z1',
    region: 'r',
    addresses: [{ type: 'ExternalIP', address: `203.0.113.${name.slice(-1)}` }],
    running: true,
  });
  const node = (name: string): Promise<Stored<Node>> => client.get(nodes, { name });
  const balancer = (): BalancerSpec | undefined => [...cloud.balancers.values()][0];
  const service = (): Promise<Stored<Service>> => client.get(services, { namespace: 'shop', name: 'web' });

  test('a node learns the place, size and addresses of its machine', async () => {
    await until(async () => (await node('node-1')).spec?.providerID === 'table:///z1/node-1');
    await until(async () => (await node('node-1')).status?.addresses?.some(({ type }) => type === 'ExternalIP') ?? false);
    const { metadata, status } = await node('node-1');
    assert.equal(metadata.labels?.['topology.kubernetes.io/zone'], 'z1');
    assert.equal(metadata.labels?.['topology.kubernetes.io/region'], 'r');
    assert.equal(metadata.labels?.['node.kubernetes.io/instance-type'], 'small');
    assert.deepEqual(
      status?.addresses?.filter(({ type }) => type === 'ExternalIP'),
      [{ type: 'ExternalIP', address: '203.0.113.1' }],
    );
  });

  test('every range leads to the machine of its node, whatever somebody does to the table; heartbeats cost no calls', async () => {
    const isRouted = async (name: string): Promise<boolean> => {
      const { spec, status } = await node(name);
      const says = status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
      return cloud.table.get(spec?.podCIDR ?? '') === name && says?.status === 'False' && says.reason === 'RouteCreated';
    };
    for (const name of ['node-1', 'node-2', 'node-3']) await until(() => isRouted(name));
    const looks = cloud.looks;
    await client.patch(nodes, { name: 'node-1' }, { metadata: { annotations: { beat: '0' } } }, MERGE);
    assert.ok(cloud.looks - looks <= 1, 'but for the look of every ten seconds');
    const range = (await node('node-2')).spec?.podCIDR ?? '';
    cloud.table.set(range, 'node-1').set('10.244.77.0/24', 'node-9');
    await until(async () => (await isRouted('node-2')) && !cloud.table.has('10.244.77.0/24'), { withinMs: 20_000 });
    assert.ok(cloud.table.has('0.0.0.0/0'));
  });

  test('a node that the table has no room for says so, and takes no pods until it has', async () => {
    cloud.fullTable = true;
    cloud.table.delete((await node('node-3')).spec?.podCIDR ?? '');
    const isTainted = async (): Promise<boolean> =>
      (await node('node-3')).spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/network-unavailable') ?? false;
    await until(isTainted, { withinMs: 20_000 });
    const { items } = await client.list<Stored<Event>>(events, { namespace: 'default' });
    assert.ok(items.some(({ reason, message }) => reason === 'FailedToCreateRoute' && message?.includes('the table is full')));
    cloud.fullTable = false;
    await until(async () => !(await isTainted()), { withinMs: 20_000 });
  });

  test('a Service of type LoadBalancer gets a balancer to its node ports, and cannot go without it', async () => {
    await until(async () => (await node('node-3')).spec?.providerID !== undefined);
    await client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        type: 'LoadBalancer',
        selector: { app: 'web' },
        ports: [{ name: 'http', port: 80, targetPort: 8080 }],
        loadBalancerSourceRanges: ['198.51.100.0/24'],
      },
    });
    await until(async () => ((await service()).status?.loadBalancer?.ingress?.length ?? 0) > 0);
    const made = await service();
    assert.deepEqual(made.status?.loadBalancer?.ingress, [{ hostname: `${balancer()?.id.slice(0, 6)}.lb.test` }]);
    assert.deepEqual(made.metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup']);
    const nodePort = made.spec?.ports?.[0]?.nodePort;
    // A node that the controller had not seen yet comes with its next round.
    await until(() => balancer()?.nodes.length === 3);
    assert.deepEqual(balancer(), {
      id: `a${made.metadata.uid?.replaceAll('-', '')}`.slice(0, 32),
      service: 'shop/web',
      annotations: {},
      ports: [{ name: 'http', protocol: 'TCP', port: 80, nodePort }],
      sourceRanges: ['198.51.100.0/24'],
      healthCheck: { protocol: 'TCP', port: nodePort },
      nodes: ['node-1', 'node-2', 'node-3'].map((name) => ({ name, providerId: `table:///z1/${name}` })),
    });
  });

  test('it follows changes of ports and of nodes, and heartbeats cost no calls', async () => {
    await client.patch(
      nodes,
      { name: 'node-3' },
      { metadata: { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } } },
      MERGE,
    );
    await until(() => balancer()?.nodes.length === 2);
    await client.patch(
      services,
      { namespace: 'shop', name: 'web' },
      { spec: { ports: [{ name: 'http', port: 81, targetPort: 8080, nodePort: balancer()?.ports[0]?.nodePort }] } },
      MERGE,
    );
    await until(() => balancer()?.ports[0]?.port === 81);
    const before = cloud.ensures;
    await client.patch(nodes, { name: 'node-1' }, { metadata: { annotations: { beat: '1' } } }, MERGE);
    await client.patch(services, { namespace: 'shop', name: 'web' }, { spec: { externalTrafficPolicy: 'Local' } }, MERGE);
    await until(() => balancer()?.healthCheck.protocol === 'HTTP');
    assert.equal(cloud.ensures, before + 1);
  });

  test('what the cloud refuses is told in an event and tried again', async () => {
    cloud.refusal = 'no addresses are left';
    await client.patch(services, { namespace: 'shop', name: 'web' }, { spec: { externalTrafficPolicy: 'Cluster' } }, MERGE);
    const told = async (reason: string): Promise<boolean> =>
      (await client.list<Stored<Event>>(events, { namespace: 'shop' })).items.some(
        (event) => event.reason === reason && event.message?.includes('no addresses are left'),
      );
    await until(() => told('SyncLoadBalancerFailed'));
    await client.delete(services, { namespace: 'shop', name: 'web' });
    await until(() => told('DeleteLoadBalancerFailed'));
    assert.ok((await service()).metadata.deletionTimestamp);
    cloud.refusal = undefined;
    await until(() => service().then(() => false, isNotFound), { withinMs: 20_000 });
    assert.equal(cloud.balancers.size, 0);
  });

  test('a Service that names a class, or stops being a balancer, has none', async () => {
    const make = (name: string, spec: object): Promise<unknown> =>
      client.create(services, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'shop' },
        spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
      });
    await make('classy', { loadBalancerClass: 'example.com/other' });
    await make('fickle', {});
    await until(() => cloud.balancers.size === 1);
    assert.equal(balancer()?.service, 'shop/fickle');
    await client.patch(services, { namespace: 'shop', name: 'fickle' }, { spec: { type: 'ClusterIP' } }, MERGE);
    await until(async () => {
      const { metadata, status } = await client.get<Stored<Service>>(services, { namespace: 'shop', name: 'fickle' });
      return !metadata.finalizers?.length && !status?.loadBalancer?.ingress;
    });
    assert.equal(cloud.balancers.size, 0);
  });

  test('the node of a machine that is off is tainted; that of one that is gone is removed', async () => {
    fakes.kill('node-2');
    cloud.instances.set('node-2', { ...instanceOf('node-2'), running: false });
    await until(
      async () => (await node('node-2')).spec?.taints?.some(({ key }) => key === 'node.cloudprovider.kubernetes.io/shutdown') ?? false,
      { withinMs: 30_000 },
    );
    cloud.instances.delete('node-2');
    const range = (await node('node-2')).spec?.podCIDR ?? '';
    await until(() => node('node-2').then(() => false, isNotFound), { withinMs: 30_000 });
    await until(() => !cloud.table.has(range));
    assert.ok(await node('node-1'));
  });
});
