/**
 * How many pods a second get a node, with the API server and SQLite in the same process: `node test/bench/scheduler-api-bench.ts
 * [nodes] [pods]`. The clock runs from the first pod created to the last bound; the pods are created meanwhile.
 */
import { node as nodes } from '../../src/api/core/node.ts';
import { pod as pods } from '../../src/api/core/pod.ts';
import { serviceAccount } from '../../src/api/core/service-account.ts';
import type { KubeList, Stored } from '../../src/api/meta/object.ts';
import type { Node, Pod } from '../../src/api/types/core-v1.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createScheduler } from '../../src/scheduler/scheduler.ts';
import { startApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

const nodeCount = Number(process.argv[2] ?? 1_000);
const podCount = Number(process.argv[3] ?? 5_000);
const CREATORS = 64;

const api = await startApiServer({ store: 'sqlite' });
const admin = createClient(api.server.localTransport({ name: 'admin', groups: ['system:masters', 'system:authenticated'] }));
const client = createClient(api.server.localTransport({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }));

const inParallel = async (count: number, job: (index: number) => Promise<unknown>): Promise<void> => {
  let next = 0;
  const one = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await job(index);
  };
  await Promise.all(Array.from({ length: CREATORS }, one));
};

await inParallel(nodeCount, async (index) => {
  const name = `node-${index}`;
  await admin.create<Stored<Node>>(nodes, {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${index % 3}` } },
  });
  const status = {
    allocatable: { cpu: '8', memory: '32Gi', pods: '110' },
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
  };
  await admin.patch(nodes, { name, subresource: 'status' }, { status }, { type: 'application/merge-patch+json' });
  await admin.patch(nodes, { name }, { spec: { taints: null } }, { type: 'application/merge-patch+json' });
});
await admin.create(serviceAccount, { metadata: { name: 'default', namespace: 'default' } });
const scheduler = createScheduler({ client, log: createLogger({ level: 'warn' }) });
await scheduler.start();
const cpu = process.cpuUsage();
const began = performance.now();
const created = inParallel(podCount, (index) =>
  admin.create<Stored<Pod>>(pods, {
    metadata: { name: `pod-${index}`, namespace: 'default', labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'app:1', resources: { requests: { cpu: '100m', memory: '100Mi' } } }] },
  }),
);
await created;
const createdAfter = performance.now() - began;
await until(() => scheduler.counters().scheduled >= podCount, { withinMs: 600_000, what: 'all pods have a node' });
const seconds = (performance.now() - began) / 1_000;
const used = process.cpuUsage(cpu);
const list: KubeList<Pod> = await admin.list(pods, { namespace: 'default' });
const bound = list.items.filter((pod) => pod.spec?.nodeName).length;
process.stdout.write(
  `${bound} pods on ${nodeCount} nodes in ${seconds.toFixed(2)} s (created in ${(createdAfter / 1_000).toFixed(2)} s): ${Math.round(bound / seconds)} pods/s, ${((used.user + used.system) / 1_000 / podCount).toFixed(2)} ms CPU per pod with everything\n`,
);
await scheduler.stop();
await api.stop();
