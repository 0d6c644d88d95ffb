import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { daemonSet as daemonSets } from '../../src/api/apps/daemon-set.ts';
import { deployment as deployments } from '../../src/api/apps/deployment.ts';
import { replicaSet as replicaSets } from '../../src/api/apps/replica-set.ts';
import { statefulSet as statefulSets } from '../../src/api/apps/stateful-set.ts';
import { job as jobs } from '../../src/api/batch/job.ts';
import { configMap as configMaps } from '../../src/api/core/config-map.ts';
import { namespace as namespaces } from '../../src/api/core/namespace.ts';
import { node as nodes } from '../../src/api/core/node.ts';
import { persistentVolume as volumes } from '../../src/api/core/persistent-volume.ts';
import { persistentVolumeClaim as claims } from '../../src/api/core/persistent-volume-claim.ts';
import { pod as pods } from '../../src/api/core/pod.ts';
import { service as services } from '../../src/api/core/service.ts';
import { endpointSlice as slices } from '../../src/api/discovery/endpoint-slice.ts';
import type { Stored } from '../../src/api/meta/object.ts';
import { isNotFound } from '../../src/api/meta/status.ts';
import { storageClass as storageClasses } from '../../src/api/storage/storage-class.ts';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../src/api/types/apps-v1.ts';
import type { Job } from '../../src/api/types/batch-v1.ts';
import type { ConfigMap, Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createControllerManager } from '../../src/controllers/controller-manager.ts';
import { FakeNodes } from '../../src/testing/fake-nodes.ts';
import { startApiServer } from '../support/api-server.ts';
import { bindInTurn } from '../support/bind-in-turn.ts';
import { until } from '../support/until.ts';

const MERGE = { type: 'application/merge-patch+json' } as const;

describe('all controllers over the API server in one process', () => {
  const log = createLogger({ level: (process.env['SLIPWAY_TEST_LOG'] as 'debug' | undefined) ?? 'silent' });
  let server: Awaited<ReturnType<typeof startApiServer>>;
  let manager: ReturnType<typeof createControllerManager>;
  let fakes: FakeNodes;
  let stopBinding: (() => Promise<void>) | undefined;
  let client: ReturnType<typeof createClient>;

  before(async () => {
    server = await startApiServer();
    const apiServer = server.server;
    client = createClient(apiServer.localTransport({ name: 'admin', groups: ['system:masters'] }));
    manager = createControllerManager({
      transportFor: (user) => apiServer.localTransport(user),
      config: {
        nodeMonitorGraceSeconds: 3,
        podEvictionSeconds: 1,
        podCidr: '10.244.0.0/16',
        nodeCidrMaskSize: 24,
        rootCa: { pem: () => 'PEM', onChange: () => () => {} },
      },
      log,
    });
    await manager.start();
    fakes = new FakeNodes(client, { count: 3, renewMs: 1000, log: createLogger({ level: 'silent' }) });
    await fakes.start();
    stopBinding = await bindInTurn(client, fakes);
  });
  after(async () => {
    await stopBinding?.();
    await fakes?.stop();
    await manager?.stop();
    await server?.stop();
  });

  const makeNamespace = async (name: string): Promise<string> => {
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  };
  const template = (app: string, image: string, annotations: Record<string, string> = {}) => ({
    metadata: { labels: { app }, annotations },
    spec: {
      // The tolerations that admission would add for a cluster that evicts after a second.
      tolerations: ['not-ready', 'unreachable'].map((taint) => ({
        key: `node.kubernetes.io/${taint}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 1,
      })),
      containers: [{ name: 'c', image, ports: [{ containerPort: 8080 }] }],
    },
  });
  const makeDeployment = (namespace: string, replicas: number, strategy: object = {}): Promise<unknown> =>
    client.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'web' },
      spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template('web', 'i:1'), ...strategy },
    });
  const getDeployment = (namespace: string): Promise<Stored<Deployment>> => client.get(deployments, { namespace, name: 'web' });
  const isRolledOut = async (namespace: string): Promise<boolean> => {
    const { metadata, spec, status } = await getDeployment(namespace);
    const wanted = spec?.replicas ?? 1;
    return (
      status?.observedGeneration === metadata.generation &&
      status?.updatedReplicas === wanted &&
      status.replicas === wanted &&
      status.availableReplicas === wanted
    );
  };
  const livePods = async (namespace: string): Promise<Stored<Pod>[]> =>
    (await client.list<Stored<Pod>>(pods, { namespace })).items.filter((pod) => !pod.metadata.deletionTimestamp);
  const readyAddresses = async (namespace: string): Promise<string[]> => {
    const { items } = await client.list<Stored<EndpointSlice>>(slices, { namespace });
    return items.flatMap((slice) =>
      (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready).flatMap(({ addresses }) => addresses),
    );
  };

  test('objects that own each other in a circle do not keep each other from going', async () => {
    const namespace = await makeNamespace('circle');
    const names = ['one', 'two', 'three'];
    const made: Stored<ConfigMap>[] = [];
    for (const name of names)
      made.push(
        await client.create(configMaps, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace } } as Stored<ConfigMap>),
      );
    for (const [at, name] of names.entries()) {
      const owner = made[(at + 2) % 3]?.metadata;
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'ConfigMap', name: owner?.name, uid: owner?.uid, controller: true, blockOwnerDeletion: true },
      ];
      await client.patch(configMaps, { namespace, name }, { metadata: { ownerReferences } }, MERGE);
    }
    await client.delete(configMaps, { namespace, name: 'one' }, { propagationPolicy: 'Foreground' });
    for (const name of names) await until(() => client.get(configMaps, { namespace, name }).then(() => false, isNotFound));
  });

  test('a Deployment rolls out, scales, updates within its limits, and undoes', async () => {
    const namespace = await makeNamespace('rolling');
    await client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await makeDeployment(namespace, 4, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } } });
    await until(() => isRolledOut(namespace), { what: 'first rollout' });
    await until(async () => (await readyAddresses(namespace)).length === 4, { what: 'four endpoints' });
    await client.patch(deployments, { namespace, name: 'web' }, { spec: { replicas: 6 } }, MERGE);
    await until(() => isRolledOut(namespace), { what: 'scaled rollout' });

    let fewest = 6;
    let most = 6;
    const watching = new AbortController();
    const watched = (async () => {
      for await (const { object } of client.watch(replicaSets, { namespace, signal: watching.signal })) {
        assert.ok(object);
        const sets = (await client.list<Stored<ReplicaSet>>(replicaSets, { namespace })).items;
        most = Math.max(
          most,
          sets.reduce((total, set) => total + (set.spec?.replicas ?? 0), 0),
        );
        fewest = Math.min(fewest, (await livePods(namespace)).filter(isReady).length);
      }
    })();
    await client.patch(deployments, { namespace, name: 'web' }, { spec: { template: template('web', 'i:2') } }, MERGE);
    await until(async () => (await livePods(namespace)).every((pod) => pod.spec?.containers[0]?.image === 'i:2'), { what: 'new image' });
    await until(() => isRolledOut(namespace), { what: 'updated rollout' });
    watching.abort();
    await watched.catch(() => undefined);
    assert.ok(fewest >= 5, `at least 5 of 6 ready at any time, saw ${fewest}`);
    assert.ok(most <= 7, `at most 7 pods wanted at any time, saw ${most}`);
    assert.equal((await getDeployment(namespace)).metadata.annotations?.['deployment.kubernetes.io/revision'], '2');

    await client.patch(deployments, { namespace, name: 'web' }, { spec: { template: template('web', 'i:1') } }, MERGE);
    await until(
      async () => (await isRolledOut(namespace)) && (await livePods(namespace)).every((pod) => pod.spec?.containers[0]?.image === 'i:1'),
      {
        what: 'undone rollout',
      },
    );
    const sets = (await client.list<Stored<ReplicaSet>>(replicaSets, { namespace })).items;
    assert.equal(sets.length, 2, 'the first template came back in its own set');
    assert.equal((await getDeployment(namespace)).metadata.annotations?.['deployment.kubernetes.io/revision'], '3');
  });

  test('deleting a Deployment takes its sets and pods along, in each of the ways', async () => {
    const namespace = await makeNamespace('cascades');
    const isGone = async (): Promise<boolean> => {
      const sets = await client.list(replicaSets, { namespace });
      return sets.items.length === 0 && (await client.list(pods, { namespace })).items.length === 0;
    };
    for (const propagationPolicy of ['Background', 'Foreground'] as const) {
      await makeDeployment(namespace, 3);
      await until(() => isRolledOut(namespace), { what: 'rollout' });
      await client.delete(deployments, { namespace, name: 'web' }, { propagationPolicy });
      await until(isGone, { what: `${propagationPolicy} deletion` });
      await until(() => getDeployment(namespace).then(() => false, isNotFound));
    }
    await makeDeployment(namespace, 3);
    await until(() => isRolledOut(namespace), { what: 'rollout' });
    await client.delete(deployments, { namespace, name: 'web' }, { propagationPolicy: 'Orphan' });
    await until(() => getDeployment(namespace).then(() => false, isNotFound));
    const [orphan] = (await client.list<Stored<ReplicaSet>>(replicaSets, { namespace })).items;
    assert.equal(orphan?.metadata.ownerReferences, undefined);
    assert.equal((await livePods(namespace)).length, 3);
  });

  test('DaemonSets, StatefulSets and Jobs do their work', async () => {
    const namespace = await makeNamespace('others');
    const meta = (name: string) => ({ metadata: { namespace, name } });
    const selector = (app: string) => ({ selector: { matchLabels: { app } } });
    await client.create(daemonSets, {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      ...meta('d'),
      spec: { ...selector('d'), template: template('d', 'i:1') },
    });
    await client.create(statefulSets, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      ...meta('s'),
      spec: { serviceName: 's', replicas: 3, ...selector('s'), template: template('s', 'i:1') },
    });
    const ends = template('j', 'i:1', { 'testing.slipway/ends': 'Succeeded' });
    await client.create(jobs, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      ...meta('j'),
      spec: { completions: 5, parallelism: 2, template: { ...ends, spec: { ...ends.spec, restartPolicy: 'Never' } } },
    });
    await until(async () => (await client.get<Stored<DaemonSet>>(daemonSets, { namespace, name: 'd' })).status?.numberAvailable === 3, {
      what: 'daemons on three nodes',
    });
    await until(async () => (await client.get<Stored<StatefulSet>>(statefulSets, { namespace, name: 's' })).status?.readyReplicas === 3, {
      what: 'three stateful pods',
    });
    await until(
      async () => {
        const { status } = await client.get<Stored<Job>>(jobs, { namespace, name: 'j' });
        return status?.succeeded === 5 && status.conditions?.some(({ type }) => type === 'Complete');
      },
      { what: 'a complete job' },
    );
    const names = (await livePods(namespace)).map(({ metadata }) => metadata.name).filter((name) => name?.startsWith('s-'));
    assert.deepEqual(names.sort(), ['s-0', 's-1', 's-2']);
  });

  test('claims of a StatefulSet go with the pods that scaling down takes, and stay with those that stay', async () => {
    const namespace = await makeNamespace('retention');
    const resources = { requests: { storage: '1Gi' } };
    const spec = { accessModes: ['ReadWriteOnce'], resources };
    await client.create(statefulSets, {
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { namespace, name: 's' } },
      spec: {
        ...{ serviceName: 's', replicas: 3, selector: { matchLabels: { app: 's' } }, template: template('s', 'i:1') },
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec }],
        persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Delete' },
      },
    });
    const scale = (replicas: number) => client.patch(statefulSets, { namespace, name: 's' }, { spec: { replicas } }, MERGE);
    const untilReady = (count: number) =>
      until(async () => (await client.get<Stored<StatefulSet>>(statefulSets, { namespace, name: 's' })).status?.readyReplicas === count, {
        what: `${count} stateful pods`,
      });
    const claimNames = async () => (await client.list(claims, { namespace })).items.map(({ metadata }) => metadata.name).sort();
    await untilReady(3);
    assert.deepEqual(await claimNames(), ['data-s-0', 'data-s-1', 'data-s-2']);
    await scale(1);
    await until(async () => (await claimNames()).length === 1, { what: 'two claims are gone' });
    const [kept] = (await client.list<Stored<PersistentVolumeClaim>>(claims, { namespace })).items;
    assert.deepEqual([kept?.metadata.name, kept?.metadata.ownerReferences?.[0]?.kind], ['data-s-0', 'StatefulSet']);
    await scale(2);
    await untilReady(2);
    await client.delete(statefulSets, { namespace, name: 's' });
    await until(async () => (await claimNames()).length === 0, { what: 'all claims are gone' });
  });

  test('a StatefulSet takes back a pod that it had let go, once its labels fit again', async () => {
    const namespace = await makeNamespace('adoption');
    const spec = { serviceName: 's', replicas: 1, selector: { matchLabels: { app: 's' } }, template: template('s', 'i:1') };
    await client.create(statefulSets, { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { namespace, name: 's' }, spec });
    const ownerOf = async () => {
      const found = await client.get<Stored<Pod>>(pods, { namespace, name: 's-0' }).catch(() => undefined);
      return found?.metadata.ownerReferences?.[0]?.name;
    };
    const label = (app: string) => client.patch(pods, { namespace, name: 's-0' }, { metadata: { labels: { app } } }, MERGE);
    await until(async () => (await ownerOf()) === 's', { what: 'the pod is there' });
    await label('other');
    await until(async () => (await ownerOf()) === undefined, { what: 'the pod is released' });
    await label('s');
    await until(async () => (await ownerOf()) === 's', { what: 'the pod is adopted' });
  });

  test('a deleted namespace is emptied and goes', async () => {
    const namespace = await makeNamespace('leaving');
    await makeDeployment(namespace, 3);
    await until(() => isRolledOut(namespace), { what: 'rollout' });
    await client.delete(namespaces, { name: namespace });
    await until(() => client.get(namespaces, { name: namespace }).then(() => false, isNotFound), { what: 'namespace gone' });
    assert.equal((await client.list(pods, { namespace })).items.length, 0);
  });

  test('claims get volumes, made or given, and hold them while pods use them', async () => {
    const namespace = await makeNamespace('volumes');
    await client.create(storageClasses, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'local' },
      provisioner: 'slipway.local/path',
    });
    const size = { storage: '1Gi' };
    const accessModes = ['ReadWriteOnce'];
    await client.create(volumes, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'given' },
      spec: { capacity: { storage: '2Gi' }, accessModes, storageClassName: 'manual', hostPath: { path: '/data' } },
    });
    for (const storageClassName of ['manual', 'local'])
      await client.create(claims, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { namespace, name: storageClassName },
        spec: { accessModes, storageClassName, resources: { requests: size } },
      });
    const claim = (name: string): Promise<Stored<PersistentVolumeClaim>> => client.get(claims, { namespace, name });
    await until(async () => (await claim('manual')).status?.phase === 'Bound' && (await claim('local')).status?.phase === 'Bound', {
      what: 'bound claims',
    });
    assert.equal((await claim('manual')).spec?.volumeName, 'given');
    const made = (await claim('local')).spec?.volumeName ?? '';
    const { spec } = template('v', 'i:1');
    const user = { ...spec, volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'local' } }] };
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name: 'user' }, spec: user });
    await until(async () => (await livePods(namespace)).some(isReady), { what: 'a pod that uses the claim' });
    await client.delete(claims, { namespace, name: 'local' });
    assert.ok((await claim('local')).metadata.deletionTimestamp, 'the claim waits');
    await client.delete(pods, { namespace, name: 'user' });
    await until(() => claim('local').then(() => false, isNotFound), { what: 'the claim goes after its pod' });
    await until(() => client.get(volumes, { name: made }).then(() => false, isNotFound), { what: 'the made volume goes' });
    await client.delete(claims, { namespace, name: 'manual' });
    await until(async () => (await client.get<Stored<PersistentVolume>>(volumes, { name: 'given' })).status?.phase === 'Released', {
      what: 'the given volume stays, released',
    });
  });

  test('nodes have ranges of their own', async () => {
    const ranges = (await client.list<Stored<Node>>(nodes)).items.map(({ spec }) => spec?.podCIDR);
    assert.equal(new Set(ranges).size, 3);
    assert.ok(ranges.every((range) => /^10\.244\.\d+\.0\/24$/.test(range ?? '')));
  });

  test("a dead node's pods leave the Services and are replaced elsewhere", async () => {
    const namespace = 'rolling';
    assert.ok((await livePods(namespace)).some((pod) => pod.spec?.nodeName === 'node-2'));
    fakes.kill('node-2');
    const lost = (await livePods(namespace)).filter((pod) => pod.spec?.nodeName === 'node-2').map((pod) => pod.status?.podIP);
    await until(async () => !(await readyAddresses(namespace)).some((address) => lost.includes(address)), { what: 'out of Services' });
    await until(async () => (await livePods(namespace)).filter((pod) => isReady(pod) && pod.spec?.nodeName !== 'node-2').length === 6, {
      what: 'six ready pods elsewhere',
    });
    const node = await client.get<Stored<Node>>(nodes, { name: 'node-2' });
    assert.equal(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'Unknown');
    assert.ok(node.spec?.taints?.some(({ key, effect }) => key === 'node.kubernetes.io/unreachable' && effect === 'NoExecute'));
  });

  test('when every node falls silent, nothing more is evicted', async () => {
    const before = (await livePods('rolling')).length;
    fakes.kill('node-1');
    fakes.kill('node-3');
    const readyOf = (node: Stored<Node>): string | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    await until(async () => (await client.list<Stored<Node>>(nodes)).items.every((node) => readyOf(node) === 'Unknown'), {
      what: 'all silent',
    });
    await until(
      async () =>
        (await client.list<Stored<Node>>(nodes)).items.every(
          (node) => !node.spec?.taints?.some(({ key, effect }) => key === 'node.kubernetes.io/unreachable' && effect === 'NoExecute'),
        ),
      { what: 'no node evicts' },
    );
    assert.equal((await livePods('rolling')).length, before);
  });
});

const isReady = (pod: Stored<Pod>): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
