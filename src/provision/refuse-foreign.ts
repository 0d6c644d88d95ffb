import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { ClusterDrivers } from './cluster-drivers.ts';
import { adoptCommand, removeCommand } from './lost-key.ts';
import type { ClusterSpec } from './spec/cluster-spec.ts';
import { machineEntry, openJournal } from './state/cluster-journal.ts';
import type { ClusterState, ClusterStateFolder } from './state/cluster-state.ts';

export interface ForeignQuestion {
  spec: ClusterSpec;
  drivers: ClusterDrivers;
  folder: ClusterStateFolder;
  known: ClusterState | undefined;
  /** Names of drivers that may be unable to say what there is: then theirs is taken as nothing. */
  blocked?: ReadonlySet<string>;
}

/** Nodes whose machines this run makes, or an interrupted one was to make: taken back when it fails. */
export const newNodesOf = (nodes: ClusterSpec['nodes'], known: ClusterState | undefined): string[] => {
  const before = new Set(known && known.phase !== 'creating' ? known.spec.nodes.map((node) => node.name) : []);
  return nodes.map((node) => node.name).filter((name) => !before.has(name));
};

/**
 * Machines of the cluster's name which this client has not made belong to somebody else, or to a state that was lost. Of a cluster that is known, those
 * are looked at that new nodes would get: they would be used, and destroyed when it fails. Throws CLUSTER_EXISTS.
 */
export const refuseForeign = async ({ spec, drivers, folder, known, blocked }: ForeignQuestion): Promise<void> => {
  const fresh = new Set(newNodesOf(spec.nodes, known));
  if (!fresh.size) return;
  const entries = await openJournal(folder.path).entries();
  const listed = (await drivers.used()).map(async (driver) => {
    try {
      return (await driver.list(folder.name)).map(({ name }) => ({ driver: driver.name, name }));
    } catch (error) {
      if (!blocked?.has(driver.name)) throw error;
      return [];
    }
  });
  const foreign = (await Promise.all(listed))
    .flat()
    .filter((machine) => !known || (fresh.has(machine.name) && !machineEntry(entries, machine)));
  if (!foreign.length) return;
  const names = [...new Set(foreign.map(({ driver }) => driver))];
  const machines = foreign.map(({ name }) => name).join(', ');
  throw known ? addedElsewhere(folder, machines) : existsElsewhere(folder, { machines, drivers: names });
};

const existsElsewhere = (
  folder: ClusterStateFolder,
  { machines, drivers }: { machines: string; drivers: readonly string[] },
): SlipwayError =>
  new SlipwayError('CLUSTER_EXISTS', {
    tried: `make the cluster ${folder.name}`,
    cause: `there are machines of a cluster of that name which are not in this state folder: ${machines}`,
    advice: [
      ...drivers.map((driver) => adoptCommand(driver, folder)),
      `slipway up ${folder.name}-2`,
      ...drivers.map((driver) => removeCommand(driver, folder)),
    ],
  });

/** Its state here is older than the cluster, or the other cluster is somebody else's. */
const addedElsewhere = (folder: ClusterStateFolder, machines: string): SlipwayError =>
  new SlipwayError('CLUSTER_EXISTS', {
    tried: `make new nodes of the cluster ${folder.name}`,
    cause: `there are machines of these names already, which were not made from this state folder: ${machines}`,
    advice: [
      `rsync -a OTHER:.slipway/clusters/${folder.name}/ ${folder.path}/   # where another computer has added them: its state is the newer one`,
      `mv ${folder.path}/state.json ${folder.path}/state.json.old && slipway adopt ${folder.name} -f FILE   # reads the cluster from its machines again`,
      `slipway node add --cluster ${folder.name} --pool ANOTHER   # where they are of another cluster: nodes are called by their pool`,
    ],
  });
