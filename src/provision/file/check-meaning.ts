import { labelKeyProblems, labelValueProblems } from '../../api/meta/names.ts';
import type { DriverDescriptor } from '../../drivers/driver.ts';
import { MAX_NODES } from '../spec/cluster-spec.ts';
import { checkNetwork } from './check-network.ts';
import { type ClusterFile, CONTROL_PLANE_ROLE, driverOf, type PoolFile, poolsOf, sizeOf } from './cluster-file.ts';
import { type Located, type Problem, pathText, placeOf } from './located-value.ts';

/** Says that something is wrong at a key. */
export type Say = (path: readonly (string | number)[], message: string) => void;

export interface MeaningOptions {
  drivers: readonly DriverDescriptor[];
  /** Of this program. */
  version: string;
}

/** What a schema cannot say: names that are taken, ranges that overlap, settings of another driver, what this version does not do yet. */
export const checkMeaning = (file: ClusterFile, root: Located, options: MeaningOptions): Problem[] => {
  const problems: Problem[] = [];
  const say: Say = (path, message) => void problems.push({ at: placeOf(root, path), path: pathText(path), message });
  checkVersion(file, options, say);
  checkPools(file, options, say);
  checkControlPlane(file, say);
  checkNetwork(file, options.drivers, say);
  return problems.sort((one, other) => one.at.line - other.at.line || one.at.column - other.at.column);
};

const checkVersion = (file: ClusterFile, { version }: MeaningOptions, say: Say): void => {
  if (file.spec.version && file.spec.version !== version)
    say(['spec', 'version'], `this is Slipway ${version}, and the file is for ${file.spec.version}`);
};

const checkPools = (file: ClusterFile, { drivers }: MeaningOptions, say: Say): void => {
  const pools = poolsOf(file);
  const total = pools.reduce((sum, pool) => sum + sizeOf(pool), 0);
  if (total < 1 || total > MAX_NODES) say(['spec', 'pools'], `these are ${total} nodes, and a cluster has 1 to ${MAX_NODES}`);
  const poolNames = new Map<string, number>();
  const nodeNames = new Map<string, string>();
  const hosts = new Map<string, string>();
  for (const [index, pool] of pools.entries()) {
    const at = ['spec', 'pools', index] as const;
    const earlier = poolNames.get(pool.name);
    if (earlier !== undefined) say([...at, 'name'], `spec.pools[${earlier}] has the name ${pool.name} already`);
    else poolNames.set(pool.name, index);
    checkPool(
      file,
      pool,
      drivers.find((driver) => driver.name === driverOf(file, pool)),
      (path, message) => say([...at, ...path], message),
    );
    for (const [hostIndex, given] of (pool.hosts ?? []).entries()) {
      const where = [...at, 'hosts', hostIndex];
      const { host, name } = typeof given === 'string' ? { host: given, name: undefined } : given;
      taken(hosts, host, where, say, 'is this host');
      if (name) taken(nodeNames, name, [...where, 'name'], say, 'has this name');
    }
  }
};

const taken = (seen: Map<string, string>, value: string, where: readonly (string | number)[], say: Say, words: string): void => {
  const earlier = seen.get(value);
  if (earlier) say(where, `${earlier} ${words} already: ${value}`);
  else seen.set(value, pathText(where));
};

const checkPool = (file: ClusterFile, pool: PoolFile, driver: DriverDescriptor | undefined, say: Say): void => {
  if (!driver) return;
  const usesHosts = driver.settings.some((setting) => setting.scope === 'node' && setting.name === 'host');
  if (usesHosts && !pool.hosts) say([], `the driver ${driver.name} uses hosts that you have: list them in hosts`);
  if (!usesHosts && pool.hosts) say(['hosts'], `the driver ${driver.name} makes its machines: say count instead`);
  if (usesHosts && pool.hosts && pool.count !== undefined && pool.count !== pool.hosts.length)
    say(['count'], `there are ${pool.hosts.length} hosts, and each is one node: leave count out`);
  const settings = driver.settings.filter(({ scope }) => scope === 'pool').map(({ name }) => name);
  if (pool.image !== undefined && !settings.includes('image')) say(['image'], `the driver ${driver.name} has no image to choose`);
  for (const name of Object.keys(pool.settings ?? {}))
    if (!settings.includes(name))
      say(
        ['settings', name],
        `the driver ${driver.name} has no such setting for a pool; it has: ${settings.filter((one) => one !== 'image').join(', ') || 'none'}`,
      );
  const ofNode = driver.settings.filter(({ scope }) => scope === 'node').map(({ name }) => name);
  for (const [index, host] of (pool.hosts ?? []).entries())
    for (const name of typeof host === 'string' ? [] : Object.keys(host))
      if (name !== 'name' && !ofNode.includes(name))
        say(['hosts', index, name], `the driver ${driver.name} has no such setting for a host`);
  for (const [key, value] of Object.entries(pool.labels ?? {}))
    for (const problem of [...labelKeyProblems(key), ...labelValueProblems(value)]) say(['labels', key], problem);
  const longest = pool.name === 'main' ? file.metadata.name.length + 4 : file.metadata.name.length + pool.name.length + 5;
  if (longest > 44) say(['name'], `${file.metadata.name}-${pool.name}-1 is too long for the name of a node: at most 40 characters`);
};

const checkControlPlane = (file: ClusterFile, say: Say): void => {
  const pools = poolsOf(file);
  const { count, store } = file.spec.controlPlane ?? {};
  const named = pools.filter((pool) => pool.roles?.includes(CONTROL_PLANE_ROLE));
  const carriers = named.reduce((sum, pool) => sum + sizeOf(pool), 0);
  const wanted = named.length ? carriers : (count ?? 1);
  if (named.length && count !== undefined && count !== carriers)
    say(['spec', 'controlPlane', 'count'], `the pools with the role ${CONTROL_PLANE_ROLE} have ${carriers} nodes: leave count out`);
  const place = named.length ? ['spec', 'pools', pools.indexOf(named[0] as PoolFile), 'roles'] : ['spec', 'controlPlane', 'count'];
  if (wanted > 1)
    say(place, `these are ${wanted} control planes: they share a store in etcd, which this version does not install yet; let it be one`);
  if (named.length && carriers === 0) say(place, 'no node carries the control plane: the pool is empty');
  if (!named.length && pools[0] && sizeOf(pools[0]) === 0)
    say(['spec', 'pools', 0], 'the first pool carries the control plane, and has no node');
  if (store === 'etcd') say(['spec', 'controlPlane', 'store'], 'this version does not install etcd yet: sqlite');
};
