import { type DriverDescriptor, type DriverSetting, usesHosts } from '../../drivers/driver.ts';
import { MAX_NODES } from '../spec/cluster-spec.ts';
import { twinFaults } from '../spec/host-twins.ts';
import { MAX_NAME_LENGTH, nodeName } from '../spec/node-names.ts';
import { checkLabels, checkTaints } from './check-labels.ts';
import { type ClusterFile, driverOf, hostsOf, type PoolFile, poolsOf, sizeOf } from './cluster-file.ts';
import { type Path, pathText, type Say } from './located-value.ts';

/** Names and hosts that are taken, and what is not the driver's of a pool. */
export const checkPools = (file: ClusterFile, drivers: readonly DriverDescriptor[], say: Say): void => {
  const pools = poolsOf(file);
  const total = pools.reduce((sum, pool) => sum + sizeOf(pool), 0);
  const placeOfTotal = pools.length === 1 ? ['spec', 'pools', 0, 'count'] : ['spec', 'pools'];
  if (total < 1 || total > MAX_NODES) say(placeOfTotal, `these are ${total} nodes, and a cluster has 1 to ${MAX_NODES}`);
  const poolNames = new Map<string, number>();
  for (const [index, pool] of pools.entries()) {
    const at = ['spec', 'pools', index] as const;
    const earlier = poolNames.get(pool.name);
    if (earlier !== undefined) say([...at, 'name'], `spec.pools[${earlier}] has the name ${pool.name} already`);
    else poolNames.set(pool.name, index);
    const driver = drivers.find(({ name }) => name === driverOf(file, pool));
    const sayOfPool: Say = (path, message) => say([...at, ...path], message);
    if (driver) checkDriver(pool, driver, sayOfPool);
    if (driver) checkNeeds(file, { pool, at }, driver, say);
    checkLabels(pool, sayOfPool);
    checkTaints(pool, sayOfPool);
    checkNodeName(file, pool, sayOfPool);
  }
  checkHosts(file, drivers, say);
};

const namesOf = (driver: DriverDescriptor, scope: DriverSetting['scope']): string[] =>
  driver.settings.filter((setting) => setting.scope === scope).map(({ name }) => name);

const checkDriver = (pool: PoolFile, driver: DriverDescriptor, say: Say): void => {
  if (usesHosts(driver)) {
    if (!pool.hosts) say([], `the driver ${driver.name} uses hosts that you have: list them in hosts`);
    else if (pool.count !== undefined && pool.count !== pool.hosts.length)
      say(['count'], `there are ${pool.hosts.length} hosts, and each is one node: leave count out`);
  } else if (pool.hosts) say(['hosts'], `the driver ${driver.name} makes its machines: say count instead`);
  const settings = namesOf(driver, 'pool');
  if (pool.image !== undefined && !settings.includes('image')) say(['image'], `the driver ${driver.name} has no image to choose`);
  for (const name of Object.keys(pool.settings ?? {}))
    if (!settings.includes(name))
      say(
        ['settings', name],
        `the driver ${driver.name} has no such setting for a pool; it has: ${settings.filter((one) => one !== 'image').join(', ') || 'none'}`,
      );
  for (const [index, host] of (pool.hosts ?? []).entries())
    for (const name of typeof host === 'string' ? [] : Object.keys(host))
      if (name !== 'name' && name !== 'host' && !namesOf(driver, 'node').includes(name))
        say(['hosts', index, name], `the driver ${driver.name} has no such setting for a host`);
};

/** Settings that mean nothing without another one, which may stand beside them, or in `spec.drivers`; and such as cannot be beside another. */
const checkNeeds = (file: ClusterFile, { pool, at }: { pool: PoolFile; at: Path }, driver: DriverDescriptor, say: Say): void => {
  const ofAll = file.spec.drivers?.[driver.name] ?? {};
  const ofPool = { ...(pool.image === undefined ? {} : { image: pool.image }), ...pool.settings };
  const isGiven = (name: string): boolean => name in ofAll || name in ofPool;
  for (const { name, needs, without } of driver.settings) {
    if (!isGiven(name)) continue;
    const where = name in ofPool ? [...at, 'settings', name] : ['spec', 'drivers', driver.name, name];
    if (needs && !isGiven(needs)) say(where, `needs ${needs} as well`);
    if (without && isGiven(without.setting)) say(where, `cannot be beside ${without.setting}: ${without.why}`);
  }
};

const checkNodeName = (file: ClusterFile, pool: PoolFile, say: Say): void => {
  const last = nodeName(file.metadata.name, pool.name, Math.max(sizeOf(pool), 1));
  if (last.length > MAX_NAME_LENGTH) say(['name'], `${last} is too long for the name of a node: at most ${MAX_NAME_LENGTH} characters`);
};

const checkHosts = (file: ClusterFile, drivers: readonly DriverDescriptor[], say: Say): void => {
  const names = new Map<string, string>();
  const reachable = hostsOf(file).filter(({ pool }) => drivers.some((driver) => driver.name === driverOf(file, pool) && usesHosts(driver)));
  for (const { path, name } of reachable) {
    const earlier = name && names.get(name);
    if (earlier) say([...path, 'name'], `${earlier} has this name already: ${name}`);
    else if (name) names.set(name, pathText(path));
  }
  const twins = twinFaults(reachable.map(({ path, host, address }) => ({ name: pathText(path), host, address })));
  for (const { index, message } of twins) say(reachable[index]?.path ?? [], message);
};
