import type { ProgressEvent } from '../../base/progress.ts';
import type { Driver, Machine } from '../../drivers/driver.ts';
import { ClusterStateFolder, slipwayDataDir } from '../state/cluster-state.ts';
import { forgetContext } from '../steps/kubeconfig.ts';
import { uninstall } from '../uninstall.ts';
import { type Job, startJob } from './job.ts';
import { openDriver } from './up.ts';

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
      const driver = await openDriver(known?.spec.driver ?? options.driver ?? 'local', folder, known?.dataDir ?? slipwayDataDir());
      if (known) await folder.write({ ...known, phase: 'deleting' });
      const listed = await driver.list(name);
      const names = new Set([...listed.map((machine) => machine.name), ...(known?.spec.nodes.map((node) => node.name) ?? [])]);
      await step(push, { name: 'machines', title: 'Removing machines' }, () =>
        Promise.all(
          [...names].map((node) =>
            removeMachine(driver, { cluster: name, node, machine: listed.find((machine) => machine.name === node) }),
          ),
        ),
      );
      await step(push, { name: 'shared', title: 'Removing the network' }, () => driver.destroyShared(name));
      await step(push, { name: 'kubeconfig', title: 'Cleaning the kubeconfig' }, () => forgetContext(name));
      await folder.remove();
      return { machines: [...names] };
    } finally {
      unlock();
    }
  });

/** A machine that is not ours to destroy is given back without what was installed. */
export const removeMachine = async (
  driver: Driver,
  target: { cluster: string; node: string; machine: Machine | undefined },
): Promise<void> => {
  if (driver.keepsMachines && target.machine) {
    const host = await driver.connect(target.machine);
    try {
      await uninstall(host);
    } finally {
      await host.close();
    }
  }
  await driver.destroy({ cluster: target.cluster, name: target.node });
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
