import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Driver, Journal, MachineId } from '../../drivers/driver.ts';
import { driverDescriptor } from '../../drivers/index.ts';
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { machineEntry } from './cluster-journal.ts';

/**
 * Where a driver has made what the journal names: its settings for the whole cluster (libvirt's address, a region), also those that came from the
 * environment of that time. What is there is found, and removed, there alone. Throws DRIVER_UNKNOWN.
 */
export const journalledSettings = async (journal: Journal, driver: string): Promise<Record<string, string>> => {
  const names = new Set(
    driverDescriptor(driver)
      .settings.filter(({ scope, type }) => scope === 'cluster' && type === 'string')
      .map(({ name }) => name),
  );
  const details = (await journal.entries())
    .filter((entry) => entry.driver === driver)
    .flatMap((entry) => Object.entries(entry.details ?? {}));
  return Object.fromEntries(details.filter(([key]) => names.has(key)));
};

/**
 * Writes down a machine that was found, with the place at which it was. What an entry of before says stays: it knows more than can be found again.
 */
export const journalFound = async (journal: Journal, driver: Driver, { cluster, name }: MachineId): Promise<void> => {
  const known = machineEntry(await journal.entries(), { driver: driver.name, name });
  const details = { ...(await driver.place?.({ cluster, name })), ...known?.details };
  await journal.record({ driver: driver.name, kind: 'machine', name, ...known, ...(Object.keys(details).length ? { details } : {}) });
};

/** A cluster that is made at one place cannot go on at another. Throws CONFIG_INVALID. */
export const refuseElsewhere = async (spec: ClusterSpec, journal: Journal): Promise<void> => {
  for (const driver of new Set(spec.nodes.map((node) => node.driver))) {
    const settled = await journalledSettings(journal, driver);
    for (const [key, wanted] of Object.entries(spec.driverSettings[driver] ?? {}))
      if (settled[key] !== undefined && settled[key] !== wanted)
        throw new SlipwayError('CONFIG_INVALID', {
          tried: `bring the cluster ${spec.name} to what is asked`,
          cause: `spec.drivers.${driver}.${key} is ${settled[key]} since the cluster was made, and ${wanted} is asked for: its machines would be left behind there`,
          advice: [
            `spec.drivers.${driver}.${key}: ${settled[key]}   # in the cluster file`,
            `slipway down ${spec.name}   # and up again, with what differs`,
          ],
        });
  }
};
