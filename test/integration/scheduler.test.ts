/** The scheduler on our own API server, with no more rights than its role gives; and on a kube-apiserver where there is one. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { event } from '../../src/api/core/event.ts';
import { namespace } from '../../src/api/core/namespace.ts';
import { node } from '../../src/api/core/node.ts';
import { persistentVolume } from '../../src/api/core/persistent-volume.ts';
import { persistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { pod } from '../../src/api/core/pod.ts';
import { serviceAccount } from '../../src/api/core/service-account.ts';
import type { KubeList, Stored } from '../../src/api/meta/object.ts';
import { priorityClass } from '../../src/api/scheduling/priority-class.ts';
import { storageClass } from '../../src/api/storage/storage-class.ts';
import type { UserInfo } from '../../src/api/transport.ts';
import type { Event, Node, PersistentVolumeClaim, Pod, PodSpec } from '../../src/api/types/core-v1.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createRestTransport } from '../../src/client/rest/rest-transport.ts';
import { createScheduler, type Scheduler } from '../../src/scheduler/scheduler.ts';
import { startApiServer } from '../support/api-server.ts';
import { oracleOptions } from '../support/oracle.ts';
import { until } from '../support/until.ts';

interface Target {
  /** All rights. */
  admin: Client;
  /** Those of the scheduler. */
  client: Client;
  stop(): Promise<void>;
}

const ownServer = async (): Promise<Target> => {
  const api = await startApiServer();
  const clientOf = (user: UserInfo): Client => createClient(api.server.localTransport(user));
  return {
    admin: clientOf({ name: 'admin', groups: ['system:masters', 'system:authenticated'] }),
    client: clientOf({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }),
    stop: () => api.stop(),
  };
};

const oracle = await oracleOptions();
const oracleServer = async (): Promise<Target> => {
  assert.ok(oracle);
  const transport = createRestTransport(oracle);
  const client = createClient(transport);
  return { admin: client, client, stop: () => transport.close() };
};

const defineTests = (name: string, start: () => Promise<Target>, skip: string | false): void => {
  describe(`the scheduler on ${name}`, { skip, timeout: 120_000 }, () => {
    const id = randomBytes(4).toString('hex');
    const ns = `sched-${id}`;
    const log = createLogger({ level: 'warn' });
    // Only pods that name this scheduler are touched: others use the same server.
    const schedulerName = `slipway-${id}`;
    let target: Target;
    let client: Client;
    let scheduler: Scheduler;

    const addNode = async (name: string, cpu: string): Promise<void> => {
      await client.create<Node>(node, {
        metadata: { name: `${id}-${name}`, labels: { test: id, 'kubernetes.io/hostname': `${id}-${name}`, zone: name } },
      } as Stored<Node>);
      const resources = { cpu, memory: '4Gi', pods: '10', 'ephemeral-storage': '10Gi' };
      await client.patch(
        node,
        { name: `${id}-${name}`, subresource: 'status' },
        { status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] } },
        { type: 'application/strategic-merge-patch+json' },
      );
      await client.patch(node, { name: `${id}-${name}` }, { spec: { taints: null } }, { type: 'application/merge-patch+json' });
    };

    const addPod = async (name: string, cpu: string, more: Partial<PodSpec> = {}): Promise<void> => {
      await client.create<Pod>(pod, {
        metadata: { name, namespace: ns, labels: { app: name } },
        spec: {
          schedulerName,
          nodeSelector: { test: id },
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'c', image: 'x', resources: { requests: { cpu } } }],
          ...more,
        },
      } as Stored<Pod>);
    };
    const read = (name: string): Promise<Stored<Pod>> => client.get(pod, { namespace: ns, name });
    const nodeOf = async (name: string): Promise<string | undefined> => (await read(name)).spec?.nodeName?.replace(`${id}-`, '');
    const conditionOf = async (name: string) =>
      (await read(name)).status?.conditions?.find((condition) => condition.type === 'PodScheduled');

    before(async () => {
      target = await start();
      client = target.admin;
      scheduler = createScheduler({ client: target.client, log, schedulerName });
      await client.create(namespace, { metadata: { name: ns } });
      await client.create(serviceAccount, { metadata: { name: 'default', namespace: ns } }).catch(() => {});
      await client.create(priorityClass, { metadata: { name: `high-${id}` }, value: 1_000 } as never);
      await addNode('n1', '2');
      await addNode('n2', '1');
      await scheduler.start();
    });

    after(async () => {
      await scheduler.stop();
      await client.deleteCollection(pod, { namespace: ns, gracePeriodSeconds: 0 });
      await client.deleteCollection(node, { labelSelector: `test=${id}` });
      // Nobody here runs the controllers that would take these away.
      const unprotected = { metadata: { finalizers: null } };
      const merge = { type: 'application/merge-patch+json' } as const;
      await client.patch(persistentVolumeClaim, { namespace: ns, name: 'data' }, unprotected, merge);
      await client.patch(persistentVolume, { name: `pv-${id}` }, unprotected, merge);
      await client.deleteCollection(persistentVolumeClaim, { namespace: ns });
      await client.deleteCollection(persistentVolume, { labelSelector: `test=${id}` });
      await client.deleteCollection(storageClass, { labelSelector: `test=${id}` });
      await client.delete(priorityClass, { name: `high-${id}` });
      await client.delete(namespace, { name: ns });
      await target.stop();
    });

    test('a pod goes where it fits, and an event says so', async () => {
      await addPod('big', '1500m');
      await until(() => nodeOf('big'));
      assert.equal(await nodeOf('big'), 'n1');
      assert.equal((await conditionOf('big'))?.status, 'True');
      await until(async () => {
        const events: KubeList<Event> = await client.list(event, { namespace: ns, fieldSelector: 'involvedObject.name=big' });
        return events.items.some((item) => item.reason === 'Scheduled' && item.message === `Successfully assigned ${ns}/big to ${id}-n1`);
      });
    });

    test('a pod that fits nowhere is told why, and goes as soon as there is room', async () => {
      await addPod('wide', '1800m');
      await until(async () => (await conditionOf('wide'))?.reason === 'Unschedulable');
      const message = (await conditionOf('wide'))?.message ?? '';
      assert.match(message, /^0\/\d+ nodes are available: .*2 Insufficient cpu.* preemption: 0\/\d+ nodes are available: /);
      await addNode('n3', '4');
      await until(async () => (await nodeOf('wide')) === 'n3');
    });

    test('a pod of higher priority takes the place of a lesser one', async () => {
      await addPod('urgent', '1500m', { priorityClassName: `high-${id}`, nodeSelector: { test: id, zone: 'n1' } });
      await until(async () => (await nodeOf('urgent')) === 'n1');
      await assert.rejects(read('big'), { name: 'StatusError' });
    });

    test('a claim that waits for its first consumer learns the node, and the pod follows its volume', async () => {
      const storageClassName = `late-${id}`;
      await client.create(storageClass, {
        metadata: { name: storageClassName, labels: { test: id } },
        provisioner: 'example.com/late',
        volumeBindingMode: 'WaitForFirstConsumer',
      } as never);
      const spec = { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } };
      await client.create(persistentVolumeClaim, { metadata: { name: 'data', namespace: ns }, spec } as never);
      await addPod('stateful', '100m', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] });
      const claim = (): Promise<Stored<PersistentVolumeClaim>> => client.get(persistentVolumeClaim, { namespace: ns, name: 'data' });
      const selected = async () => (await claim()).metadata.annotations?.['volume.kubernetes.io/selected-node'];
      await until(selected);
      const nodeName = await selected();
      assert.equal(await nodeOf('stateful'), undefined, 'not before the volume is there');
      // What the volume controller and its provisioner do.
      await client.create(persistentVolume, {
        metadata: { name: `pv-${id}`, labels: { test: id } },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          storageClassName,
          hostPath: { path: '/tmp' },
          claimRef: { kind: 'PersistentVolumeClaim', namespace: ns, name: 'data', uid: (await claim()).metadata.uid },
        },
      } as never);
      await client.patch(
        persistentVolumeClaim,
        { namespace: ns, name: 'data' },
        { metadata: { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }, spec: { volumeName: `pv-${id}` } },
        { type: 'application/merge-patch+json' },
      );
      await until(() => nodeOf('stateful'));
      assert.equal(`${id}-${await nodeOf('stateful')}`, nodeName);
    });

    test('gated pods wait for their gates', async () => {
      await addPod('gated', '100m', { schedulingGates: [{ name: 'example.com/wait' }] });
      await addPod('free', '100m');
      await until(() => nodeOf('free'));
      assert.equal(await nodeOf('gated'), undefined);
      await client.patch(
        pod,
        { namespace: ns, name: 'gated' },
        { spec: { schedulingGates: null } },
        { type: 'application/merge-patch+json' },
      );
      await until(() => nodeOf('gated'));
    });
  });
};

defineTests('our API server', ownServer, false);
defineTests('a kube-apiserver', oracleServer, oracle ? false : 'needs SLIPWAY_ORACLE');
