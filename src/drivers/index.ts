import { SlipwayError } from '../base/errors/slipway-error.ts';
import { awsDriver } from './aws/aws-settings.ts';
import type { Driver, DriverDescriptor, DriverOptions } from './driver.ts';
import { kvmDriver } from './kvm/kvm-settings.ts';
import { localDriver } from './local/local-settings.ts';
import { sshDriver } from './ssh/ssh-settings.ts';
import { virtualboxDriver } from './virtualbox/virtualbox-settings.ts';

/** The list of drivers, the one that needs least first: each is loaded when it is used. */
export const DRIVERS: readonly DriverDescriptor[] = [localDriver, sshDriver, kvmDriver, virtualboxDriver, awsDriver];

export const DRIVER_NAMES: readonly string[] = DRIVERS.map((driver) => driver.name);

/** Throws DRIVER_UNKNOWN. */
export const driverDescriptor = (name: string): DriverDescriptor => {
  const found = DRIVERS.find((driver) => driver.name === name);
  if (found) return found;
  throw new SlipwayError('DRIVER_UNKNOWN', {
    tried: `use the driver ${JSON.stringify(name)}`,
    cause: `there are ${DRIVER_NAMES.join(', ')}`,
    advice: DRIVER_NAMES.map((known) => `slipway up --driver ${known}`),
  });
};

/** Throws DRIVER_UNKNOWN. */
export const loadDriver = async (name: string, options: DriverOptions): Promise<Driver> => driverDescriptor(name).load(options);
