import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { driverDescriptor } from '../drivers/index.ts';
import type { ClusterStateFolder } from './state/cluster-state.ts';

/** Whether the machines that a driver made let nobody in any more: their key lay in the cluster's folder, which is lost. Throws DRIVER_UNKNOWN. */
export const isKeyLost = (driver: string, folder: ClusterStateFolder): boolean => {
  const { keyFile } = driverDescriptor(driver);
  return keyFile !== undefined && !existsSync(join(folder.path, keyFile));
};

/** What makes machines known here again. */
export const adoptCommand = (driver: string, folder: ClusterStateFolder): string => {
  const adopt = `slipway adopt ${folder.name} --driver ${driver}`;
  if (!isKeyLost(driver, folder)) return `${adopt}   # makes it known here again`;
  const kept = dirname(driverDescriptor(driver).keyFile ?? '');
  return `mkdir -p ${folder.path} && cp -a BACKUP/${kept} ${folder.path}/ && ${adopt}   # with the key of a backup: without it nobody gets in`;
};

/** What takes machines away that no state knows. */
export const removeCommand = (driver: string, folder: ClusterStateFolder): string =>
  `slipway down ${folder.name} --force --driver ${driver}   # removes those machines with their data`;

export const keyLost = (driver: string, folder: ClusterStateFolder, machines: readonly string[]): SlipwayError =>
  new SlipwayError('SSH_AUTH_FAILED', {
    tried: `adopt the cluster ${folder.name}`,
    cause: `${machines.join(', ')} ${machines.length === 1 ? 'lets' : 'let'} in one key alone, which lay in ${folder.path} and is lost with it`,
    advice: [adoptCommand(driver, folder), removeCommand(driver, folder)],
  });
