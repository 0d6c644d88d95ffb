import { node as nodes } from '../../api/core/node.ts';
import { pod as pods } from '../../api/core/pod.ts';
import type { Stored } from '../../api/meta/object.ts';
import { StatusError } from '../../api/meta/status.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ProgressEvent } from '../../base/progress.ts';
import type { Client } from '../../client/client.ts';
import type { MachineId } from '../../drivers/driver.ts';
import type { ClusterDrivers } from '../cluster-drivers.ts';
import { openClient } from '../open-client.ts';
import { removeMachine } from '../remove-machine.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { waitFor } from '../steps/wait.ts';
import { step } from './down.ts';
import { type Job, startJob } from './job.ts';
import { type OpenCluster, requireNode, withReachedCluster } from './power.ts';

const DRAIN_TIMEOUT_MS = 120_000;
const GONE_TIMEOUT_MS = 30_000;

/** Drains a node (its pods end in order and move), deletes it from the API, then destroys its machine. */
export const removeNode = (id: MachineId, options: { force: boolean; signal: AbortSignal }): Job<void> =>
  startJob((push) =>
    withReachedCluster(id.cluster, async (cluster) => {
      await takeNodeOut(cluster, requireNode(cluster.state, id.name), { ...options, push });
    }),
  );

/** The same for one who holds the cluster's lock; answers the state without the node, as it is saved. */
export const takeNodeOut = async (
  { folder, state, drivers }: OpenCluster,
  node: NodeSpec,
  { force, signal, push }: { force: boolean; signal: AbortSignal; push: (event: ProgressEvent) => void },
): Promise<ClusterState> => {
  const cluster = state.spec.name;
  const id = { cluster, name: node.name };
  if (node.controlPlane)
    throw new SlipwayError('USAGE', {
      tried: `remove ${id.name}`,
      cause: 'it carries the only control plane of the cluster',
      advice: [`slipway down ${cluster}`],
    });
  const { client, close } = await openClient(folder);
  try {
    await leave({ client, drivers, cluster, node, createdAt: state.createdAt }, { force, signal, push });
  } finally {
    await close();
  }
  const { [id.name]: _, ...addresses } = state.addresses;
  const without = { ...state, spec: { ...state.spec, nodes: state.spec.nodes.filter((one) => one.name !== id.name) }, addresses };
  await folder.write(without);
  return without;
};

/** Drains a node, removes its machine, deletes it from the API, and sees that both are gone. With `force` neither is asked anything. */
export const leave = async (
  {
    client,
    drivers,
    cluster,
    node,
    createdAt,
  }: { client: Client; drivers: ClusterDrivers; cluster: string; node: NodeSpec; createdAt: string },
  { force, signal, push }: { force: boolean; signal: AbortSignal; push: (event: ProgressEvent) => void },
): Promise<void> => {
  const id = { cluster, name: node.name };
  if (!force) await step(push, { name: 'drain', title: `Draining ${id.name}` }, () => drain(client, id.name, signal));
  await step(push, { name: 'machine', title: `Removing ${id.name}` }, async () => {
    const driver = await drivers.of(node);
    const machine = await driver.describe(id);
    await removeMachine({ driver, cluster, node: id.name, machine }, { push, force, createdAt });
    await client.delete(nodes, { name: id.name }).catch(unlessGone);
    await waitFor(
      async () => {
        if (await driver.describe(id)) throw new Error('its machine is still there');
        const found = await client.get<Stored<Node>>(nodes, { name: id.name }).catch(unlessGone);
        if (!found) return true;
        await client.delete(nodes, { name: id.name }).catch(unlessGone);
        throw new Error('the API still has it');
      },
      { signal, timeoutMs: GONE_TIMEOUT_MS, tried: `see ${id.name} gone`, advice: [`slipway node remove ${id.name} --force`] },
    );
  });
};

/** Its pods end in order and move; disruption budgets are respected. Leaves the node cordoned. */
export const drain = async (client: Client, name: string, signal: AbortSignal): Promise<void> => {
  await client
    .patch<Stored<Node>>(nodes, { name }, { spec: { unschedulable: true } }, { type: 'application/merge-patch+json' })
    .catch(unlessGone);
  const remaining = async (): Promise<Stored<Pod>[]> => {
    const { items } = await client.list<Stored<Pod>>(pods, { fieldSelector: `spec.nodeName=${name}` });
    return items.filter((pod) => !pod.metadata.ownerReferences?.some((owner) => owner.kind === 'DaemonSet') && !isMirror(pod));
  };
  await waitFor(
    async () => {
      const there = await remaining();
      if (!there.length) return true;
      await Promise.all(there.filter((pod) => !pod.metadata.deletionTimestamp).map((pod) => evict(client, pod)));
      throw new Error(`${there.length} pods are still there, ${there[0]?.metadata.namespace}/${there[0]?.metadata.name} among them`);
    },
    { signal, timeoutMs: DRAIN_TIMEOUT_MS, tried: `drain ${name}`, advice: [`slipway node remove ${name} --force`] },
  );
};

const isMirror = (pod: Stored<Pod>): boolean => pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;

/** By eviction, which respects disruption budgets: a refusal (429) is tried again with the next look. */
const evict = async (client: Client, pod: Stored<Pod>): Promise<void> => {
  const { name = '', namespace } = pod.metadata;
  try {
    await client.create(
      pods,
      { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } },
      { namespace: namespace ?? '', name, subresource: 'eviction' },
    );
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    if (error.status.code === 404 && error.status.details?.name !== name) await client.delete(pods, { namespace, name }).catch(unlessGone);
    else if (error.status.code !== 404 && error.status.code !== 429) throw error;
  }
};

const unlessGone = (error: unknown): undefined => {
  if (error instanceof StatusError && error.status.code === 404) return undefined;
  throw error;
};
