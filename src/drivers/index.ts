import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { Driver, DriverOptions } from './driver.ts';

/** The list of drivers: each is loaded when it is used. */
const DRIVERS: Readonly<Record<string, (options: DriverOptions) => Promise<Driver>>> = {
  local: async (options) => (await import('./local/local-driver.ts')).createLocalDriver(options),
  ssh: async (options) => (await import('./ssh/ssh-driver.ts')).createSshDriver(options),
};

export const DRIVER_NAMES: readonly string[] = Object.keys(DRIVERS);

/** Throws DRIVER_UNKNOWN. */
export const loadDriver = async (name: string, options: DriverOptions): Promise<Driver> => {
  const load = Object.hasOwn(DRIVERS, name) ? DRIVERS[name] : undefined;
  if (!load)
    throw new SlipwayError('DRIVER_UNKNOWN', {
      tried: `use the driver ${JSON.stringify(name)}`,
      cause: `there are ${DRIVER_NAMES.join(' and ')}`,
      advice: DRIVER_NAMES.map((known) => `slipway up --driver ${known}`),
    });
  return load(options);
};
