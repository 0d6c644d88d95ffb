import type { DriverDescriptor, DriverSetting } from '../../drivers/driver.ts';
import type { Schema } from './schema.ts';

type Properties = Record<string, Schema>;
type Wanted = (setting: DriverSetting) => boolean;

/** What a driver says of its own settings. */
export const ownSettings = (driver: DriverDescriptor, wanted: Wanted): Properties =>
  Object.fromEntries(driver.settings.filter(wanted).map((setting) => [setting.name, settingSchema(setting)]));

/** Of a pool, beside its image. */
export const poolSettings = (drivers: readonly DriverDescriptor[], own: DriverDescriptor | undefined): Properties =>
  settingsOf(drivers, own, ({ scope, name }) => scope === 'pool' && name !== 'image');

export const poolImage = (drivers: readonly DriverDescriptor[], own: DriverDescriptor | undefined): Schema =>
  settingsOf(drivers, own, ({ scope, name }) => scope === 'pool' && name === 'image')['image'] ?? {};

/** What a driver adds to the schema of its pools. */
export const poolOf = (driver: DriverDescriptor): Schema => {
  const { image, ...settings } = ownSettings(driver, ({ scope }) => scope === 'pool');
  return { type: 'object', properties: { ...(image ? { image } : {}), settings: object(settings) } };
};

export const hostSettings = (drivers: readonly DriverDescriptor[], own: DriverDescriptor | undefined): Properties =>
  settingsOf(drivers, own, ({ scope }) => scope === 'node');

export const object = (properties: Properties, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length ? { required } : {}),
});

/**
 * Where the driver is known: its own settings, and those of others as they come, as check-meaning.ts has better words for them. Where it is not:
 * what all drivers together allow.
 */
const settingsOf = (drivers: readonly DriverDescriptor[], own: DriverDescriptor | undefined, wanted: Wanted): Properties => {
  const all = mergedSettings(drivers, wanted);
  if (!own) return all;
  return { ...Object.fromEntries(Object.keys(all).map((name) => [name, {}])), ...ownSettings(own, wanted) };
};

const mergedSettings = (drivers: readonly DriverDescriptor[], wanted: Wanted): Properties => {
  const names = new Set(drivers.flatMap(({ settings }) => settings.filter(wanted).map(({ name }) => name)));
  return Object.fromEntries(
    [...names].map((name) => [name, mergedSetting(drivers, (setting) => wanted(setting) && setting.name === name)]),
  );
};

/** Two drivers may mean different values by one name. */
const mergedSetting = (drivers: readonly DriverDescriptor[], wanted: Wanted): Schema => {
  const found = drivers.flatMap((driver) => driver.settings.filter(wanted).map((setting) => ({ driver, setting })));
  const description = found.map(({ driver, setting }) => `${driver.name}: ${setting.description}`).join('; ');
  const allowed = new Map(
    found.map(({ setting }) => {
      const { description: _, ...schema } = settingSchema(setting);
      return [JSON.stringify(schema), schema];
    }),
  );
  const [first = {}, ...others] = allowed.values();
  return others.length ? { type: first.type ?? 'string', anyOf: [first, ...others], description } : { ...first, description };
};

const settingSchema = ({ type, enum: allowed, form, minimum, maximum, description }: DriverSetting): Schema => {
  const limits = {
    ...(allowed ? { enum: allowed } : {}),
    ...(form ?? (type === 'string' && !allowed ? { minLength: 1 } : {})),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  };
  return type === 'strings' ? { type: 'array', items: { type: 'string', ...limits }, description } : { type, ...limits, description };
};
