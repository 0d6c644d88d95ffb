import type { Driver } from '../../drivers/driver.ts';
import { DRIVER_NAMES, loadDriver } from '../../drivers/index.ts';
import { openDrivers } from '../cluster-drivers.ts';
import { NODE_REQUIREMENTS } from '../spec/node-paths.ts';
import { openJournal } from '../state/cluster-journal.ts';
import { type ClusterState, ClusterStateFolder, slipwayDataDir, slipwayHome } from '../state/cluster-state.ts';
import { journalledSettings } from '../state/journalled-settings.ts';
import type { AboutFinding, DiagnoseOptions } from './diagnose.ts';

/** A driver as one or several clusters have set it. */
interface SetDriver {
  name: string;
  open: () => Promise<Driver>;
}

/**
 * What drivers lack on this computer, as the clusters that use them have set them; those that none uses as they are without settings. `clusters`:
 * their names.
 */
export const driverFindings = async (
  { driver, cluster }: Pick<DiagnoseOptions, 'driver' | 'cluster'>,
  clusters: readonly string[],
): Promise<AboutFinding[]> => {
  // A state that cannot be read is told with the cluster.
  const states = await Promise.all(clusters.map((name) => new ClusterStateFolder(name).read().catch(() => undefined)));
  const used = await usedDrivers(states.filter((state) => state !== undefined));
  const named = driver === 'all' ? DRIVER_NAMES : [driver ?? 'local'];
  const unused = driver || !cluster ? named.filter((name) => !used.some((one) => one.name === name)).map(withoutSettings) : [];
  const wanted = used.filter(({ name }) => !driver || driver === 'all' || name === driver);
  return (await Promise.all([...wanted, ...unused].map(findingsOf))).flat();
};

/** One for each way in which it is set. */
const usedDrivers = async (states: readonly ClusterState[]): Promise<SetDriver[]> => {
  const found = new Map<string, SetDriver>();
  for (const { spec, dataDir } of states) {
    const folder = new ClusterStateFolder(spec.name);
    const drivers = openDrivers(spec, { folder, dataDir });
    for (const name of new Set([spec.driver, ...spec.nodes.map((node) => node.driver)])) {
      const settled = await journalledSettings(openJournal(folder.path), name).catch(() => ({}));
      const key = JSON.stringify([name, dataDir, { ...spec.driverSettings[name], ...settled }]);
      if (!found.has(key)) found.set(key, { name, open: () => drivers.named(name) });
    }
  }
  return [...found.values()];
};

const withoutSettings = (name: string): SetDriver => {
  const home = slipwayHome();
  const options = { dataDir: slipwayDataDir(), stateDir: home, requirements: NODE_REQUIREMENTS, settings: {}, journal: openJournal(home) };
  return { name, open: () => loadDriver(name, options) };
};

const findingsOf = async ({ name, open }: SetDriver): Promise<AboutFinding[]> => {
  const about = name === 'local' ? 'this host' : `this host, driver ${name}`;
  try {
    return (await (await open()).preflight()).map((finding) => ({ ...finding, about }));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return [{ about, severity: 'error', problem, fix: 'slipway doctor --driver all' }];
  }
};
