import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { DRIVERS, driverDescriptor } from '../../drivers/index.ts';
import { checkFlags } from '../spec/check-wishes.ts';
import { type ClusterWishes, checkName } from '../spec/cluster-spec.ts';
import { type ClusterFile, DEFAULT_DRIVER, type PoolFile, poolsOf } from './cluster-file.ts';
import { type Path, pathText } from './located-value.ts';

interface Override {
  /** As it is written on the command line. */
  flag: string;
  path: Path;
  value: unknown;
}

export interface Overridden {
  file: ClusterFile;
  /** A sentence for each thing that the command line overrides. */
  overrides: string[];
  /** What on the command line stands in the place of a key. */
  saidBy: (path: Path) => string | undefined;
}

/** The file with what was said on the command line over it. Throws USAGE where a flag leaves open which pool it means, or is wrong; NAME_INVALID, DRIVER_UNKNOWN. */
export const overrideFile = (file: ClusterFile, flags: Partial<ClusterWishes>): Overridden => {
  const changed: ClusterFile = structuredClone({ ...file, spec: { ...file.spec, pools: [...poolsOf(file)] } });
  if (flags.name !== undefined) checkName(flags.name, 'cluster');
  if (flags.driver !== undefined) driverDescriptor(flags.driver);
  const driver = flags.driver ?? file.spec.driver ?? DEFAULT_DRIVER;
  const settingsGoTo: Readonly<Record<string, string>> = { subnet: driver, host: changed.spec.pools?.[0]?.driver ?? driver };
  checkFlags(flags, { driverOf: (setting) => settingsGoTo[setting] ?? takerOf(setting, changed.spec) });
  const overrides: string[] = [];
  const said = new Map<string, string>();
  for (const { flag, path, value } of overridesOf(flags, changed.spec)) {
    if (value === undefined) continue;
    const before = swap(changed, path, value);
    said.set(pathText(path), flag);
    if (JSON.stringify(before) !== JSON.stringify(value))
      overrides.push(`${flag} ${shown(value)} stands over ${pathText(path)}${before === undefined ? '' : `, which is ${shown(before)}`}`);
  }
  // What is wrong with one host of those that a flag gave is the flag's too.
  const saidBy = (path: Path): string | undefined =>
    path.map((_, index) => said.get(pathText(path.slice(0, path.length - index)))).find((flag) => flag !== undefined);
  return { file: changed, overrides, saidBy };
};

/** The driver that has the setting: one that the file uses before others. */
const takerOf = (setting: string, { driver = DEFAULT_DRIVER, pools = [] }: ClusterFile['spec']): string => {
  const takers = DRIVERS.filter(({ settings }) => settings.some(({ name }) => name === setting)).map(({ name }) => name);
  const used = [driver, ...pools.map((pool) => pool.driver)];
  return takers.find((name) => used.includes(name)) ?? takers[0] ?? driver;
};

const overridesOf = (flags: Partial<ClusterWishes>, spec: ClusterFile['spec']): Override[] => {
  const { driver = DEFAULT_DRIVER, pools = [] } = spec;
  const ofOnlyPool = (flag: string, key: keyof PoolFile, value: unknown): Override => {
    if (value !== undefined && pools.length !== 1)
      throw new SlipwayError('USAGE', {
        tried: `use ${flag}`,
        cause: `the file has the pools ${pools.map((pool) => pool.name).join(', ')}, and one is to be meant`,
        advice: ['change the file instead'],
      });
    return { flag, path: ['spec', 'pools', 0, key], value };
  };
  const ofEveryPool = (flag: string, key: keyof PoolFile, value: unknown): Override[] =>
    pools.map((_, index) => ({ flag, path: ['spec', 'pools', index, key], value }));
  return [
    { flag: 'the name', path: ['metadata', 'name'], value: flags.name },
    { flag: '--driver', path: ['spec', 'driver'], value: flags.driver },
    ofOnlyPool('--host', 'hosts', flags.hosts?.length ? [...flags.hosts] : undefined),
    ofOnlyPool('--nodes', 'count', flags.nodes),
    ...ofEveryPool('--cpus', 'cpus', flags.cpus),
    ...ofEveryPool('--memory', 'memory', flags.memoryMiB === undefined ? undefined : `${flags.memoryMiB}Mi`),
    { flag: '--control-planes', path: ['spec', 'controlPlane', 'count'], value: flags.controlPlanes },
    { flag: '--dedicated-control-planes', path: ['spec', 'controlPlane', 'dedicated'], value: flags.dedicatedControlPlanes },
    { flag: '--subnet', path: ['spec', 'drivers', flags.driver ?? driver, 'subnet'], value: flags.subnet },
    { flag: '--identity-file', path: ['spec', 'drivers', takerOf('identityFile', spec), 'identityFile'], value: flags.identityFile },
    { flag: '--jump-host', path: ['spec', 'drivers', takerOf('jumpHost', spec), 'jumpHost'], value: flags.jumpHost },
  ];
};

/** Sets a value, making the maps on the way; answers the old one. */
const swap = (root: object, path: Path, value: unknown): unknown => {
  let here = root as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) {
    here[part] ??= {};
    here = here[part] as Record<string | number, unknown>;
  }
  const last = path.at(-1) ?? '';
  const before = here[last];
  here[last] = value;
  return before;
};

const shown = (value: unknown): string =>
  Array.isArray(value) ? value.map((one) => (typeof one === 'object' ? one.host : one)).join(',') : String(value);
