import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { MachineId } from '../drivers/driver.ts';
import { openDrivers } from './cluster-drivers.ts';
import { requireNode } from './jobs/power.ts';
import { SERVICES } from './spec/node-paths.ts';
import { ClusterStateFolder } from './state/cluster-state.ts';

/** The newest lines that a service of a node has logged, or, without a service, how each of them is. Throws NODE_UNKNOWN. */
export const serviceLogs = async (id: MachineId, options: { service: string | undefined; count: number }): Promise<string[]> => {
  const folder = new ClusterStateFolder(id.cluster);
  const state = await folder.require();
  const node = requireNode(state, id.name);
  const driver = await openDrivers(state.spec, { folder, dataDir: state.dataDir }).of(node);
  const machine = await driver.describe(id);
  if (!machine) throw new SlipwayError('NODE_UNKNOWN', { tried: `read logs of ${id.name}`, cause: 'it has no machine' });
  const host = await driver.connect(machine);
  try {
    if (options.service) return await host.services.logLines(options.service, options.count);
    return await Promise.all(Object.values(SERVICES).map(async (name) => `${name}: ${await host.services.status(name)}`));
  } finally {
    await host.close();
  }
};
