import type { ProgressEvent } from '../../base/progress.ts';
import type { Driver, Machine } from '../../drivers/driver.ts';
import { openDrivers } from '../cluster-drivers.ts';
import { ClusterStateFolder, slipwayDataDir } from '../state/cluster-state.ts';
import { forgetContext } from '../steps/kubeconfig.ts';
import { uninstall } from '../uninstall.ts';
import { type Job, startJob } from './job.ts';

export interface DownOptions {
  /** Also machines that no state knows, and a state that cannot be read. */
  force: boolean;
  driver?: string | undefined;
}

/** Removes a cluster with all that belongs to it; what is gone already is no error. */
export const down = (name: string, options: DownOptions): Job<{ machines: string[] }> =>
  startJob(async (push) => {
    const folder = new ClusterStateFolder(name);
    const unlock = folder.lock();
    try {
      const known = await folder.read().catch((error: unknown) => {
        if (options.force) return undefined;
        throw error;
      });
      if (!known && !options.force) await folder.require();
      const spec = known?.spec ?? { name, driver: options.driver ?? 'local', nodes: [] };
      const drivers = openDrivers(spec, { folder, dataDir: known?.dataDir ?? slipwayDataDir() });
      if (known) await folder.write({ ...known, phase: 'deleting' });
      // Machines that the state knows, and those that it does not.
      const targets = new Map<string, RemovalTarget>();
      for (const node of spec.nodes) targets.set(node.name, { driver: await drivers.of(node), cluster: name, node: node.name });
      for (const { driver, machine } of await drivers.list())
        targets.set(machine.name, { driver, cluster: name, node: machine.name, machine });
      await step(push, { name: 'machines', title: 'Removing machines' }, () => Promise.all([...targets.values()].map(removeMachine)));
      const used = await drivers.used();
      await step(push, { name: 'shared', title: 'Removing the network' }, () =>
        Promise.all(used.map((driver) => driver.destroyShared(name))),
      );
      await step(push, { name: 'kubeconfig', title: 'Cleaning the kubeconfig' }, () => forgetContext(name));
      await folder.remove();
      return { machines: [...targets.keys()] };
    } finally {
      unlock();
    }
  });

interface RemovalTarget {
  driver: Driver;
  cluster: string;
  node: string;
  machine?: Machine | undefined;
}

/** A machine that is not ours to destroy is given back without what was installed. */
export const removeMachine = async ({ driver, cluster, node, machine }: RemovalTarget): Promise<void> => {
  if (driver.keepsMachines && machine) {
    const host = await driver.connect(machine);
    try {
      await uninstall(host);
    } finally {
      await host.close();
    }
  }
  await driver.destroy({ cluster, name: node });
};

/** One step of a job that has no list of them. */
export const step = async <T>(
  push: (event: ProgressEvent) => void,
  { name, title }: { name: string; title: string },
  work: () => Promise<T>,
): Promise<T> => {
  push({ type: 'step-started', step: name, title });
  const startedAt = Date.now();
  try {
    const result = await work();
    push({ type: 'step-done', step: name, changed: true, milliseconds: Date.now() - startedAt });
    return result;
  } catch (error) {
    push({ type: 'step-failed', step: name, reason: error instanceof Error ? error.message : String(error) });
    throw error;
  }
};
