import { SlipwayError } from '../base/errors/slipway-error.ts';
import { formProblem } from '../base/text/text-form.ts';
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
    const problem = settingProblem(setting, value);
    if (problem)
      throw new SlipwayError('CONFIG_INVALID', {
        tried: `use the setting ${setting.name} of the driver ${driver.name}`,
        cause: `${JSON.stringify(value)}: ${problem}`,
        advice: [`${setting.name}: ${setting.description}`],
      });
    read[setting.name] = value;
  }
  return read;
};

/** What is wrong with a value, as `must be ...` or a whole sentence; undefined when nothing is. */
export const settingProblem = (setting: DriverSetting, value: unknown): string | undefined => {
  const { type, enum: allowed, form, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = setting;
  const { is, means } = TYPES[type];
  if (!is(value)) return `must be ${means}`;
  if (allowed && !allowed.includes(value as string)) return `must be ${allowed.join(' or ')}`;
  if (typeof value === 'number' && (value < minimum || value > maximum)) return `must be ${minimum} to ${maximum}`;
  if (!form || typeof value === 'number' || typeof value === 'boolean') return undefined;
  return [value as string | string[]]
    .flat()
    .map((text) => formProblem(form, text))
    .find((problem) => problem !== undefined);
};

const TYPES: Record<DriverSetting['type'], { is: (value: unknown) => boolean; means: string }> = {
  string: { is: (value) => typeof value === 'string' && value !== '', means: 'a text that is not empty' },
  integer: { is: (value) => Number.isInteger(value), means: 'a whole number' },
  boolean: { is: (value) => typeof value === 'boolean', means: 'true or false' },
  strings: { is: (value) => Array.isArray(value) && value.every((part) => typeof part === 'string'), means: 'a list of texts' },
};
