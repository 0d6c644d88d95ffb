import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ProgressEvent } from '../../base/progress.ts';
import { type Driver, usesHosts } from '../../drivers/driver.ts';
import { DRIVERS } from '../../drivers/index.ts';
import { type ClusterDrivers, openDrivers } from '../cluster-drivers.ts';
import { followCluster } from '../follow-cluster.ts';
import { type RemovalTarget, removeMachines } from '../remove-machine.ts';
import type { ClusterSpec, HooksSpec } from '../spec/cluster-spec.ts';
import { openJournal } from '../state/cluster-journal.ts';
import { ClusterStateFolder, slipwayDataDir } from '../state/cluster-state.ts';
import { commandsOf, runHooks } from '../steps/hooks.ts';
import { forgetContext } from '../steps/kubeconfig.ts';
import { type Job, startJob } from './job.ts';

export interface DownOptions {
  /** Also machines that no state knows, and a state that cannot be read. */
  force: boolean;
  driver?: string | undefined;
  /** Typed in for this run, where sudo asks for one. */
  sudoPassword?: string | undefined;
}

/** Removes a cluster with all that belongs to it; what is gone already is no error. */
export const down = (name: string, options: DownOptions): Job<{ machines: string[] }> =>
  startJob(async (push) => {
    const folder = new ClusterStateFolder(name);
    await followHosts(folder);
    const unlock = folder.lock();
    try {
      const known = await folder.read().catch((error: unknown) => {
        if (options.force) return undefined;
        throw error;
      });
      const journalled = await openJournal(folder.path).entries();
      if (!known && !options.force && !journalled.length) {
        if (!(await folder.isBegun())) await folder.remove();
        await folder.require();
      }
      // Where the state is lost, the journal says whose cluster it is: what another driver has under that name may be somebody else's.
      const driver = options.driver ?? journalled.find((entry) => isDriver(entry.driver))?.driver ?? 'local';
      const spec = known?.spec ?? { name, driver, nodes: [] };
      const hook = (moment: string, title: string) => runHook(push, { moment, title, hooks: known?.spec.hooks, folder, ...options });
      await hook('beforeDown', 'Running hooks before down');
      const drivers = openDrivers(spec, { folder, dataDir: known?.dataDir ?? slipwayDataDir(), sudoPassword: options.sudoPassword });
      if (known)
        await folder.write({ ...known, phase: 'deleting' }).catch((error: unknown) => push({ type: 'warning', message: messageOf(error) }));
      const { targets, used } = await findTargets(spec, { folder, drivers });
      if (!known && !options.force) refuseToForget(name, targets);
      await step(push, { name: 'machines', title: 'Removing machines' }, () =>
        removeMachines([...targets.values()], { push, force: options.force, createdAt: known?.createdAt }),
      );
      await step(push, { name: 'shared', title: 'Removing the network' }, () =>
        Promise.all(used.map((driver) => driver.destroyShared(name))),
      );
      await step(push, { name: 'kubeconfig', title: 'Cleaning the kubeconfig' }, () => forgetContext(name));
      await hook('afterDown', 'Running hooks after down');
      await folder.remove();
      return { machines: [...targets.keys()] };
    } finally {
      unlock();
    }
  });

/** Hosts that are given back have to be reached, wherever they are now. Other drivers know where their machines are. */
const followHosts = async (folder: ClusterStateFolder): Promise<void> => {
  const known = await folder.read().catch(() => undefined);
  const hostDrivers = DRIVERS.filter(usesHosts).map((driver) => driver.name);
  // What keeps the cluster from being found is told by what follows.
  if (known?.spec.nodes.some((node) => hostDrivers.includes(node.driver))) await followCluster(folder.name).catch(() => undefined);
};

/** Machines that the state knows, those that the journal does, and those that their drivers find by the cluster's name. */
const findTargets = async (
  spec: Pick<ClusterSpec, 'name' | 'nodes'>,
  { folder, drivers }: { folder: ClusterStateFolder; drivers: ClusterDrivers },
): Promise<{ targets: Map<string, RemovalTarget>; used: Driver[] }> => {
  const journalled = (await openJournal(folder.path).entries()).filter((entry) => isDriver(entry.driver));
  const byName = new Map((await drivers.used()).map((driver) => [driver.name, driver]));
  for (const { driver } of journalled) byName.set(driver, await drivers.named(driver));
  const used = [...byName.values()];
  const targets = new Map<string, RemovalTarget>();
  for (const node of spec.nodes) targets.set(node.name, { driver: await drivers.of(node), cluster: spec.name, node: node.name });
  for (const { kind, name, driver } of journalled)
    if (kind === 'machine' && !targets.has(name))
      targets.set(name, { driver: await drivers.named(driver), cluster: spec.name, node: name });
  for (const driver of used)
    for (const machine of await driver.list(spec.name))
      targets.set(machine.name, { driver, cluster: spec.name, node: machine.name, machine });
  return { targets, used };
};

/** Without the state, a machine that its driver does not find may run where only the state has said: the journal is all that knows of it. */
const refuseToForget = (name: string, targets: ReadonlyMap<string, RemovalTarget>): void => {
  const lost = [...targets.values()].filter(({ machine }) => !machine);
  if (!lost.length) return;
  throw new SlipwayError('NODE_UNKNOWN', {
    tried: `remove the cluster ${name}, whose state is lost`,
    cause: `its journal names ${lost.map(({ node, driver }) => `${node} (${driver.name})`).join(', ')}, which ${lost.length === 1 ? 'is' : 'are'} not to be found from here`,
    advice: [
      `slipway down ${name}   # as the cluster was made: the same user, SLIPWAY_DATA, AWS_REGION, LIBVIRT_DEFAULT_URI`,
      `slipway down ${name} --force   # when you know that they are gone`,
    ],
  });
};

/** A journal may be of a version that had another driver. */
const isDriver = (name: string): boolean => DRIVERS.some((driver) => driver.name === name);

/** Commands of the cluster file. With --force a failure is told, and keeps nothing from going. */
const runHook = async (
  push: (event: ProgressEvent) => void,
  options: { moment: string; title: string; hooks: HooksSpec | undefined; folder: ClusterStateFolder; force: boolean },
): Promise<void> => {
  const { moment, title, hooks, folder } = options;
  if (!commandsOf(hooks, moment).length) return;
  const name = moment === 'beforeDown' ? 'before-down' : 'after-down';
  const report = (detail: string): void => push({ type: 'step-detail', step: name, detail });
  const run = () => runHooks(hooks, moment, { cluster: folder.name, kubeconfig: join(folder.path, 'kubeconfig'), report });
  await step(push, { name, title }, run).catch((error: unknown) => {
    if (!options.force) throw error;
    push({ type: 'warning', message: `${title}: ${messageOf(error)}` });
  });
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

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
    push({ type: 'step-failed', step: name, reason: messageOf(error) });
    throw error instanceof SlipwayError && !error.step ? error.with({ step: { name, title } }) : error;
  }
};
