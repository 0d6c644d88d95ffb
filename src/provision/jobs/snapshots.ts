import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Driver, MachineId } from '../../drivers/driver.ts';
import { DRIVERS } from '../../drivers/index.ts';
import { openDrivers } from '../cluster-drivers.ts';
import { ClusterStateFolder } from '../state/cluster-state.ts';
import { requireNode, withNode } from './power.ts';

/** Keeps the disk of a node that is off. Throws NAME_TAKEN, and USAGE for one that is on or whose driver cannot. */
export const snapshotNode = (id: MachineId, name: string): Promise<void> =>
  withNode(id, (driver) => disksOf(driver, id).snapshot(id, checkSnapshotName(name)));

/** Throws SNAPSHOT_UNKNOWN, and USAGE as `snapshotNode`. */
export const restoreNode = (id: MachineId, name: string): Promise<void> => withNode(id, (driver) => disksOf(driver, id).restore(id, name));

/** Forgets one; the disk stays as it is. Throws SNAPSHOT_UNKNOWN, and USAGE as `snapshotNode`. */
export const removeSnapshot = (id: MachineId, name: string): Promise<void> =>
  withNode(id, (driver) => disksOf(driver, id).remove(id, name));

/** Names, the oldest first. Needs no lock: it only looks. */
export const snapshotsOfNode = async (id: MachineId): Promise<string[]> => {
  const folder = new ClusterStateFolder(id.cluster);
  const state = await folder.require();
  const driver = await openDrivers(state.spec, { folder, dataDir: state.dataDir }).of(requireNode(state, id.name));
  return disksOf(driver, id).list(id);
};

/** Of a snapshot that is given no name: `20261129-140501`, in UTC. */
export const snapshotNameAt = (time: Date): string => time.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);

const disksOf = (driver: Driver, id: MachineId): NonNullable<Driver['disks']> => {
  if (driver.disks) return driver.disks;
  const able = DRIVERS.filter(({ keepsDisks }) => keepsDisks).map(({ name }) => name);
  throw new SlipwayError('USAGE', {
    tried: `keep the disk of ${id.name}, or put it back`,
    cause: `the driver ${driver.name} cannot: ${able.join(' and ')} can`,
  });
};

/** As both hypervisors take it for a name, and a shell for a word. Throws NAME_INVALID. */
const checkSnapshotName = (name: string): string => {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name)) return name;
  throw new SlipwayError('NAME_INVALID', {
    tried: `keep a disk as ${JSON.stringify(name)}`,
    cause: 'a name has letters, digits, dots, hyphens and underscores, at most 63, and begins with a letter or digit',
  });
};
