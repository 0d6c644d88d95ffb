import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Driver, MachineId } from '../../drivers/driver.ts';
import { loadDriver } from '../../drivers/index.ts';
import { factsOf } from '../../hosts/facts/host-facts.ts';
import type { Host } from '../../hosts/host.ts';
import { openDrivers } from '../cluster-drivers.ts';
import { parseMarker } from '../node-marker.ts';
import { openJournal } from '../state/cluster-journal.ts';
import { ClusterStateFolder, clusterNames, slipwayDataDir, slipwayHome } from '../state/cluster-state.ts';
import { uninstall } from '../uninstall.ts';
import { step } from './down.ts';
import { type Job, startJob } from './job.ts';

export interface ResetOptions {
  identityFile?: string | undefined;
  jumpHost?: string | undefined;
  sudoPassword?: string | undefined;
  /** Also a host whose cluster this client knows, and which is a node of it. */
  force: boolean;
}

/** Of which cluster the host was a node; undefined when it was none, and there was nothing to take away. */
export interface ResetResult {
  host: string;
  was: { cluster: string; node: string } | undefined;
}

/**
 * Takes Slipway off a host, whatever became of its cluster: `given` is the name of a node that this client knows, or a host as ssh knows it.
 * On a host that is no node it changes nothing.
 */
export const resetNode = (given: string, options: ResetOptions): Job<ResetResult> =>
  startJob(async (push) => {
    const known = await findNode(given);
    if (known && !known.driver.keepsMachines)
      throw new SlipwayError('USAGE', {
        tried: `take Slipway off ${given}`,
        cause: `it is a machine that Slipway made for the cluster ${known.id.cluster}`,
        advice: [`slipway node remove ${given} --cluster ${known.id.cluster}`],
      });
    const host = await step(push, { name: 'reach', title: `Reaching ${given}` }, () =>
      connect(given, { known, options, say: (message) => push({ type: 'note', message }) }),
    );
    try {
      const marker = parseMarker((await factsOf(host)).marker);
      if (marker && !options.force && (await isInUse(marker)))
        throw new SlipwayError('HOST_TAKEN', {
          tried: `take Slipway off ${host.name}`,
          cause: `it is ${marker.node} of the cluster ${marker.cluster}, which this computer knows`,
          advice: [`slipway node remove ${marker.node} --cluster ${marker.cluster}`, `slipway node reset ${given} --force`],
        });
      await step(push, { name: 'uninstall', title: `Taking Slipway off ${host.name}` }, () => uninstall(host));
      return { host: host.name, was: marker && { cluster: marker.cluster, node: marker.node } };
    } finally {
      await host.close();
    }
  });

interface KnownNode {
  driver: Driver;
  id: MachineId;
}

/** A node of any cluster of this client. A state that cannot be read is no obstacle: the host can be named instead. */
const findNode = async (name: string): Promise<KnownNode | undefined> => {
  for (const cluster of await clusterNames()) {
    const folder = new ClusterStateFolder(cluster);
    const state = await folder.read().catch(() => undefined);
    const node = state?.spec.nodes.find((each) => each.name === name);
    if (state && node) return { driver: await openDrivers(state.spec, { folder, dataDir: state.dataDir }).of(node), id: { cluster, name } };
  }
  return undefined;
};

const isInUse = async (marker: { cluster: string; clusterCreatedAt: string; node: string }): Promise<boolean> => {
  if (!(await clusterNames()).includes(marker.cluster)) return false;
  const state = await new ClusterStateFolder(marker.cluster).read().catch(() => undefined);
  return state?.createdAt === marker.clusterCreatedAt && state.spec.nodes.some((node) => node.name === marker.node);
};

/** Its key is remembered where those of clusters are not: it belongs to none. */
const connect = async (
  given: string,
  { known, options, say }: { known: KnownNode | undefined; options: ResetOptions; say: (message: string) => void },
): Promise<Host> => {
  const machine = known && (await known.driver.describe(known.id));
  if (known && machine) return known.driver.connect(machine);
  const stateDir = `${slipwayHome()}/reset`;
  const driver = await loadDriver('ssh', {
    dataDir: slipwayDataDir(),
    stateDir,
    requirements: [],
    journal: openJournal(stateDir),
    secrets: { sudoPassword: options.sudoPassword },
  });
  const { force: _, sudoPassword: __, ...settings } = options;
  const spec = { cluster: 'reset', name: given.replaceAll(/[^A-Za-z0-9.-]/g, '_'), settings: { host: given, ...settings } };
  const made = await driver.create(spec, { signal: new AbortController().signal, progress: say });
  const host = await driver.connect(made);
  await driver.destroy(spec);
  return host;
};
