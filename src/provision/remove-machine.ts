import type { Driver, Machine } from '../drivers/driver.ts';
import { factsOf } from '../hosts/facts/host-facts.ts';
import { parseMarker } from './node-marker.ts';
import { uninstall } from './uninstall.ts';

export interface RemovalTarget {
  driver: Driver;
  cluster: string;
  node: string;
  machine?: Machine | undefined;
}

/**
 * A machine that is not ours to destroy is given back without what was installed. One that bears the mark of another cluster was never taken (an
 * `up` was stopped, or refused, before): nothing is touched on it.
 */
export const removeMachine = async ({ driver, cluster, node, machine }: RemovalTarget): Promise<void> => {
  if (driver.keepsMachines && machine) {
    const host = await driver.connect(machine);
    try {
      const marker = parseMarker((await factsOf(host)).marker);
      if (!marker || (marker.cluster === cluster && marker.node === node)) await uninstall(host);
    } finally {
      await host.close();
    }
  }
  await driver.destroy({ cluster, name: node });
};
