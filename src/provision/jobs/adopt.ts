import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ProgressEvent } from '../../base/progress.ts';
import type { Driver, Machine } from '../../drivers/driver.ts';
import { type ClusterDrivers, openDrivers } from '../cluster-drivers.ts';
import { driverOf, poolsOf } from '../file/cluster-file.ts';
import { isKeyLost, keyLost } from '../lost-key.ts';
import { type NodeRemains, readRemains, specOfRemains } from '../node-remains.ts';
import type { ClusterSpec, ClusterWishes } from '../spec/cluster-spec.ts';
import { openJournal } from '../state/cluster-journal.ts';
import { ClusterStateFolder, slipwayDataDir } from '../state/cluster-state.ts';
import { journalFound } from '../state/journalled-settings.ts';
import { step } from './down.ts';
import { type Job, startJob } from './job.ts';
import { type UpResult, up } from './up.ts';

/**
 * Makes a cluster ours again whose state is lost: machines are found by their driver, or by the hosts that are given; what each node is to be, and
 * the cluster's authority, are read from the nodes. Then the steps of `up` run, which change nothing but this computer's side. Throws
 * CLUSTER_EXISTS where nothing is lost, CLUSTER_UNKNOWN where nothing is found, SSH_AUTH_FAILED where the key of the machines is lost as well.
 */
export const adopt = (wishes: ClusterWishes, options: { signal: AbortSignal }): Job<UpResult> =>
  startJob(async (push) => {
    const folder = new ClusterStateFolder(wishes.name);
    const unlock = folder.lock();
    const wasBegun = await folder.isBegun();
    let isAdopted = false;
    try {
      await refuseKnown(folder);
      const drivers = openDrivers(stubOf(wishes), { folder, dataDir: slipwayDataDir() });
      const remains = await step(push, { name: 'machines', title: 'Finding machines' }, () =>
        findRemains(wishes, { folder, drivers, push, ...options }),
      );
      await step(push, { name: 'state', title: 'Writing the state' }, () => writeState(wishes, { folder, drivers, remains }));
      isAdopted = true;
    } finally {
      // Where nothing was found, nothing of the search stays: a folder would look like a cluster whose state is lost.
      if (!isAdopted && !wasBegun) await folder.remove();
      unlock();
    }
    const inner = up(
      { name: wishes.name },
      { yes: false, keep: true, demo: false, mergeKubeconfig: true, switchContext: false, signal: options.signal },
    );
    for await (const event of inner.events) push(event);
    return inner.result;
  });

const refuseKnown = async (folder: ClusterStateFolder): Promise<void> => {
  const known = await folder.read().catch((error: unknown) => {
    // A state that cannot be read is lost as well.
    if (error instanceof SlipwayError && error.code === 'STATE_CORRUPT') return undefined;
    throw error;
  });
  if (!known) return;
  throw new SlipwayError('CLUSTER_EXISTS', {
    tried: `adopt the cluster ${folder.name}`,
    cause: 'its state is here, and nothing of it is lost',
    advice: [`slipway up ${folder.name}`, `slipway status ${folder.name}`],
  });
};

/** Enough of a cluster for drivers to be opened. */
const stubOf = (wishes: ClusterWishes): Pick<ClusterSpec, 'name' | 'driver' | 'nodes' | 'driverSettings'> => {
  const driver = wishes.file?.content.spec.driver ?? wishes.driver ?? (wishes.hosts?.length ? 'ssh' : 'local');
  return { name: wishes.name, driver, nodes: [], driverSettings: structuredClone(wishes.file?.content.spec.drivers ?? {}) };
};

interface FindOptions {
  folder: ClusterStateFolder;
  drivers: ClusterDrivers;
  push: (event: ProgressEvent) => void;
  signal: AbortSignal;
}

const findRemains = async (wishes: ClusterWishes, { folder, drivers, push, signal }: FindOptions): Promise<NodeRemains[]> => {
  const context = { signal, progress: (detail: string) => push({ type: 'step-detail', step: 'machines', detail }) };
  const stub = stubOf(wishes);
  const content = wishes.file?.content;
  const names = content ? [...new Set(poolsOf(content).map((pool) => driverOf(content, pool)))] : [stub.driver];
  const found: NodeRemains[] = [];
  for (const name of names) {
    const driver = await drivers.named(name);
    for (const { settings, hint } of hostsOf(wishes, name))
      found.push(await adoptHost(driver, { cluster: wishes.name, settings, hint }, context));
    const there = await driver.list(wishes.name);
    // A key that is made anew would only look like theirs.
    if (there.length && isKeyLost(name, folder))
      throw keyLost(
        name,
        folder,
        there.map((machine) => machine.name),
      );
    for (const machine of there) {
      if (found.some((one) => one.machine.name === machine.name)) continue;
      const running = machine.state === 'running' ? machine : await driver.start(machine, context);
      found.push(await readNode(driver, running, {}));
    }
  }
  return found;
};

/** Hosts of the command line or of the file, with the settings that they are reached by. `hint`: a name until theirs is known. */
const hostsOf = (wishes: ClusterWishes, driver: string): { settings: Record<string, unknown>; hint: string }[] => {
  const flags = {
    ...(wishes.identityFile ? { identityFile: wishes.identityFile } : {}),
    ...(wishes.jumpHost ? { jumpHost: wishes.jumpHost } : {}),
  };
  const ofFlags = wishes.file || driver !== 'ssh' ? [] : (wishes.hosts ?? []).map((host) => ({ host, ...flags }));
  const { file } = wishes;
  const ofFile = file
    ? poolsOf(file.content)
        .filter((pool) => driverOf(file.content, pool) === driver)
        .flatMap((pool) =>
          (pool.hosts ?? []).map((given) => {
            const { name: _, ...settings } = typeof given === 'string' ? { name: undefined, host: given } : given;
            return { ...file.content.spec.drivers?.[driver], ...pool.settings, ...settings };
          }),
        )
    : [];
  return [...ofFlags, ...ofFile].map((settings, index) => ({ settings, hint: `${wishes.name.slice(0, 30)}-lost-${index + 1}` }));
};

/** The name of a host's node is known once it has been read: then it is remembered under that. */
const adoptHost = async (
  driver: Driver,
  { cluster, settings, hint }: { cluster: string; settings: Record<string, unknown>; hint: string },
  context: { signal: AbortSignal; progress: (detail: string) => void },
): Promise<NodeRemains> => {
  const reached = await driver.create({ cluster, name: hint, settings }, context);
  try {
    const { agent } = await readNode(driver, reached, settings);
    const machine = await driver.create({ cluster, name: agent.nodeName, settings }, context);
    return await readNode(driver, machine, settings);
  } finally {
    await driver.destroy({ cluster, name: hint });
  }
};

const readNode = async (driver: Driver, machine: Machine, settings: Record<string, unknown>): Promise<NodeRemains> => {
  const host = await driver.connect(machine);
  try {
    return { driver: driver.name, machine, settings, ...(await readRemains(host, machine.cluster)) };
  } finally {
    await host.close();
  }
};

const writeState = async (
  wishes: ClusterWishes,
  { folder, drivers, remains }: { folder: ClusterStateFolder; drivers: ClusterDrivers; remains: readonly NodeRemains[] },
): Promise<void> => {
  const spec = specOfRemains(stubOf(wishes), remains);
  for (const { driver, machine } of remains) await journalFound(openJournal(folder.path), await drivers.named(driver), machine);
  for (const { pki } of remains) for (const [name, text] of Object.entries(pki)) await folder.writeFile(`pki/${name}`, text);
  await folder.write({
    version: 2,
    spec,
    phase: 'ready',
    createdAt: remains.find(({ marker }) => marker)?.marker?.clusterCreatedAt ?? new Date().toISOString(),
    dataDir: slipwayDataDir(),
    addresses: Object.fromEntries(remains.map(({ machine }) => [machine.name, machine.address])),
  });
};
