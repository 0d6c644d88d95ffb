import type { ProgressEvent } from '../base/progress.ts';
import type { Driver, Machine } from '../drivers/driver.ts';
import { factsOf } from '../hosts/facts/host-facts.ts';
import { allDone } from './combine-errors.ts';
import { ownerOf, parseMarker } from './node-marker.ts';
import { uninstall } from './uninstall.ts';

export interface RemovalTarget {
  driver: Driver;
  cluster: string;
  node: string;
  machine?: Machine | undefined;
}

export interface RemovalOptions {
  push: (event: ProgressEvent) => void;
  /** Also hosts that cannot be reached are forgotten, with what is on them. */
  force: boolean;
  /** Of the cluster, where it is known. */
  createdAt: string | undefined;
}

/** One that fails keeps none of the others. */
export const removeMachines = async (targets: readonly RemovalTarget[], options: RemovalOptions): Promise<void> => {
  await allDone(
    'remove every machine',
    targets.map((target) => removeMachine(target, options)),
  );
};

/**
 * A machine that is not ours to destroy is given back without what was installed. One that bears the mark of another cluster was never taken (an
 * `up` was stopped, or refused, before), or that cluster has taken it since: nothing is touched on it.
 */
export const removeMachine = async (target: RemovalTarget, options: RemovalOptions): Promise<void> => {
  const { driver, cluster, node, machine } = target;
  if (driver.keepsMachines && machine)
    try {
      await giveBack({ ...target, machine }, options);
    } catch (error) {
      if (!options.force) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      options.push({ type: 'warning', message: `Slipway stays on ${node}: ${reason} (slipway node reset takes it off)` });
    }
  await driver.destroy({ cluster, name: node });
};

const giveBack = async (
  { driver, cluster, node, machine }: RemovalTarget & { machine: Machine },
  { push, createdAt }: RemovalOptions,
): Promise<void> => {
  const host = await driver.connect(machine);
  try {
    const found = parseMarker((await factsOf(host)).marker);
    if (ownerOf(found, { cluster, node, clusterCreatedAt: createdAt ?? found?.clusterCreatedAt ?? '' }) === 'taken')
      push({ type: 'warning', message: `${host.name} is ${found?.node} of the cluster ${found?.cluster}, and left as it is` });
    else await uninstall(host);
  } finally {
    await host.close();
  }
};
