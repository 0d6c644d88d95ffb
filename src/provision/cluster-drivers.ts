import type { Driver, Machine, MachineSpec, Requirement } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/index.ts';
import type { ClusterSpec, NodeSpec } from './spec/cluster-spec.ts';
import { API_PORT, NODE_REQUIREMENTS } from './spec/node-paths.ts';
import { openJournal } from './state/cluster-journal.ts';
import type { ClusterStateFolder } from './state/cluster-state.ts';
import { journalledSettings } from './state/journalled-settings.ts';

/**
 * The drivers of one cluster, whose pools may use several. Each is loaded when it is first asked for, and looks where the journal says that the
 * cluster was made, whatever the environment says today.
 */
export interface ClusterDrivers {
  of(node: Pick<NodeSpec, 'driver'>): Promise<Driver>;
  named(name: string): Promise<Driver>;
  /** All that the cluster's nodes use. */
  used(): Promise<Driver[]>;
  /** The machines of all of them, also those that the spec does not name. */
  list(): Promise<{ driver: Driver; machine: Machine }[]>;
  describe(node: NodeSpec): Promise<Machine | undefined>;
}

export const openDrivers = (
  spec: Pick<ClusterSpec, 'name' | 'driver' | 'nodes'> & Partial<Pick<ClusterSpec, 'driverSettings'>>,
  options: {
    folder: ClusterStateFolder;
    dataDir: string;
    requirements?: readonly Requirement[];
    sudoPassword?: string | undefined;
  },
): ClusterDrivers => {
  const opened = new Map<string, Promise<Driver>>();
  const named = (name: string): Promise<Driver> => {
    const there = opened.get(name);
    if (there) return there;
    const journal = openJournal(options.folder.path);
    const load = (settled: Record<string, string>): Promise<Driver> =>
      loadDriver(name, {
        dataDir: options.dataDir,
        stateDir: options.folder.path,
        requirements: [...NODE_REQUIREMENTS, ...(options.requirements ?? [])],
        journal,
        settings: { ...spec.driverSettings?.[name], ...settled },
        settingsOf: (node) => {
          const found = spec.nodes.find((each) => each.name === node && each.driver === name);
          return found && { ...settingsOf(spec, found), ...settled };
        },
        secrets: { sudoPassword: options.sudoPassword },
      });
    const driver = journalledSettings(journal, name).then(load);
    opened.set(name, driver);
    return driver;
  };
  const used = (): Promise<Driver[]> =>
    Promise.all([...new Set([...spec.nodes.map((node) => node.driver), ...(spec.nodes.length ? [] : [spec.driver])])].map(named));
  return {
    named,
    used,
    of: (node) => named(node.driver),
    list: async () => {
      const machines = async (driver: Driver) => (await driver.list(spec.name)).map((machine) => ({ driver, machine }));
      return (await Promise.all((await used()).map(machines))).flat();
    },
    describe: async (node) => (await named(node.driver)).describe({ cluster: spec.name, name: node.name }),
  };
};

/** What a driver is to make for a node: the settings of the cluster's driver, and over them the node's own. */
export const machineSpec = (spec: Pick<ClusterSpec, 'name' | 'driverSettings'>, node: NodeSpec): MachineSpec => ({
  cluster: spec.name,
  name: node.name,
  cpus: node.cpus,
  memoryMiB: node.memoryMiB,
  diskGiB: node.diskGiB,
  ports: node.controlPlane ? [API_PORT] : [],
  managesCloud: node.controlPlane,
  settings: settingsOf(spec, node),
});

/** The settings of the cluster's driver, and over them the node's own. */
export const settingsOf = (spec: Partial<Pick<ClusterSpec, 'driverSettings'>>, node: NodeSpec): Record<string, unknown> => ({
  ...spec.driverSettings?.[node.driver],
  ...node.settings,
});
