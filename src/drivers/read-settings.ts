import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { DriverDescriptor, DriverSetting } from './driver.ts';

/**
 * What of `settings` a driver declares, each checked against its declaration. Others are left out: a cluster's settings may hold those of
 * later versions. Throws CONFIG_INVALID.
 */
export const readSettings = (driver: DriverDescriptor, settings: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const read: Record<string, unknown> = {};
  for (const setting of driver.settings) {
    const value = settings[setting.name];
    if (value === undefined) continue;
    const problem = problemOf(setting, value);
    if (problem)
      throw new SlipwayError('CONFIG_INVALID', {
        tried: `use the setting ${setting.name} of the driver ${driver.name}`,
        cause: `${JSON.stringify(value)} is ${problem}`,
        advice: [`${setting.name}: ${setting.description}`],
      });
    read[setting.name] = value;
  }
  return read;
};

const problemOf = (setting: DriverSetting, value: unknown): string | undefined => {
  if (!TYPES[setting.type](value)) return `not of the type ${setting.type}`;
  if (setting.enum && !setting.enum.includes(value as string)) return `none of ${setting.enum.join(', ')}`;
  if (setting.pattern && !new RegExp(`^(?:${setting.pattern})$`).test(String(value))) return `not of the form ${setting.pattern}`;
  return undefined;
};

const TYPES: Record<DriverSetting['type'], (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string' && value !== '',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  strings: (value) => Array.isArray(value) && value.every((part) => typeof part === 'string'),
};
