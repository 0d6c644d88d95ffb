import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ProgressEvent } from '../../base/progress.ts';
import type { Driver, MachineId } from '../../drivers/driver.ts';
import type { Host } from '../../hosts/host.ts';
import { type ClusterDrivers, openDrivers } from '../cluster-drivers.ts';
import { followCluster } from '../follow-cluster.ts';
import { haltNode, wakeNode } from '../halt-node.ts';
import { openClient } from '../open-client.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { type ClusterState, ClusterStateFolder } from '../state/cluster-state.ts';
import { awaitWorkloads } from '../steps/workloads-ready.ts';
import { step } from './down.ts';
import { type Job, startJob } from './job.ts';
import { type UpResult, up } from './up.ts';

const RETURN_MS = 90_000;

/** Stops every machine of a cluster, control planes last, so that the others can say goodbye. Data stays. On machines that are not ours only the node stops. */
export const stopCluster = (name: string): Job<void> =>
  startJob(async (push) => {
    await withReachedCluster(name, async ({ folder, state, drivers }) => {
      const stop = (controlPlane: boolean): Promise<unknown> =>
        Promise.all(
          state.spec.nodes
            .filter((node) => node.controlPlane === controlPlane)
            .map(async (node) => stopMachine(await drivers.of(node), { cluster: name, name: node.name })),
        );
      await step(push, { name: 'machines', title: 'Stopping machines' }, async () => {
        await stop(false);
        await stop(true);
      });
      await folder.write({ ...state, phase: 'stopped' });
    });
  });

/** The steps of `up` on a cluster that exists: machines are started, what runs on them is found again, and nothing else changes. */
export const startCluster = (name: string, options: { signal: AbortSignal }): Job<UpResult> => {
  const job = startJob(async (push) => {
    await withReachedCluster(name, ({ state, drivers }) =>
      Promise.all(
        state.spec.nodes.map(async (node) => {
          const driver = await drivers.of(node);
          if (driver.keepsMachines) await onMachine(driver, { cluster: name, name: node.name }, wakeNode);
        }),
      ),
    );
    const inner = up(
      { name },
      { yes: false, keep: true, demo: false, mergeKubeconfig: true, switchContext: false, signal: options.signal, onlyStart: true },
    );
    for await (const event of inner.events) push(event);
    const result = await inner.result;
    await awaitReturn(name, { push, signal: options.signal });
    return result;
  });
  return job;
};

/** What ran before is ready again, or is named: one application that does not come back is no reason for the start to fail. */
const awaitReturn = async (
  name: string,
  { push, signal }: { push: (event: ProgressEvent) => void; signal: AbortSignal },
): Promise<void> => {
  const { client, close } = await openClient(new ClusterStateFolder(name));
  try {
    const report = (detail: string): void => push({ type: 'step-detail', step: 'workloads-ready', detail });
    await step(push, { name: 'workloads-ready', title: 'Waiting for workloads' }, () =>
      awaitWorkloads(client, { signal, timeoutMs: RETURN_MS, report }),
    );
  } catch (error) {
    signal.throwIfAborted();
    push({ type: 'warning', message: error instanceof Error ? error.message : String(error) });
  } finally {
    await close();
  }
};

/** A power failure of one node: nothing is told to it. */
export const killNode = (id: MachineId): Promise<void> => withNode(id, (driver) => driver.stop(id, { powerOff: true }));

export const stopNode = (id: MachineId): Promise<void> => withNode(id, (driver) => stopMachine(driver, id), withReachedCluster);

export const startNode = (id: MachineId, options: { signal: AbortSignal }): Promise<void> =>
  withNode(
    id,
    async (driver) => {
      await driver.start(id, { signal: options.signal, progress: () => {} });
      if (driver.keepsMachines) await onMachine(driver, id, wakeNode);
    },
    withReachedCluster,
  );

const stopMachine = (driver: Driver, id: MachineId): Promise<void> =>
  driver.keepsMachines ? onMachine(driver, id, haltNode) : driver.stop(id, { powerOff: false });

const onMachine = async (driver: Driver, id: MachineId, work: (host: Host) => Promise<void>): Promise<void> => {
  const machine = await driver.describe(id);
  if (!machine) return;
  const host = await driver.connect(machine);
  try {
    await work(host);
  } finally {
    await host.close();
  }
};

export interface OpenCluster {
  folder: ClusterStateFolder;
  state: ClusterState;
  drivers: ClusterDrivers;
}

/** Under the cluster's lock. Throws CLUSTER_UNKNOWN. */
export const withCluster = async <T>(name: string, work: (cluster: OpenCluster) => Promise<T>): Promise<T> => {
  const folder = new ClusterStateFolder(name);
  // A name that is not known leaves no lock behind.
  await folder.require();
  const unlock = folder.lock();
  try {
    // What another command wrote that ended in this moment is in it.
    const state = await folder.require();
    return await work({ folder, state, drivers: openDrivers(state.spec, { folder, dataDir: state.dataDir }) });
  } finally {
    unlock();
  }
};

/** The same for work on the API or on hosts: where they are now is found out before, as that changes the state under the lock itself. */
export const withReachedCluster = async <T>(name: string, work: (cluster: OpenCluster) => Promise<T>): Promise<T> => {
  // What keeps it from being found is told by the work.
  await followCluster(name).catch(() => undefined);
  return withCluster(name, work);
};

/** Throws NODE_UNKNOWN with the names that there are. */
export const requireNode = (state: ClusterState, name: string): NodeSpec => {
  const found = state.spec.nodes.find((node) => node.name === name);
  if (found) return found;
  throw new SlipwayError('NODE_UNKNOWN', {
    tried: `find the node ${name} in the cluster ${state.spec.name}`,
    cause: `it has ${state.spec.nodes.map((node) => node.name).join(', ')}`,
    advice: [`slipway node list --cluster ${state.spec.name}`],
  });
};

export const withNode = (id: MachineId, work: (driver: Driver) => Promise<void>, within: typeof withCluster = withCluster): Promise<void> =>
  within(id.cluster, async ({ state, drivers }) => work(await drivers.of(requireNode(state, id.name))));
