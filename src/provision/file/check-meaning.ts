import type { DriverDescriptor } from '../../drivers/driver.ts';
import { checkNetwork } from './check-network.ts';
import { checkPools } from './check-pools.ts';
import { type ClusterFile, CONTROL_PLANE_ROLE, type PoolFile, poolsOf, sizeOf } from './cluster-file.ts';
import { type Located, type Path, type Problem, pathText, placeOf, type Say } from './located-value.ts';

export interface MeaningOptions {
  drivers: readonly DriverDescriptor[];
  /** Of this program. */
  version: string;
  /** What on the command line stands in the place of a key: `--nodes`. */
  saidBy: (path: Path) => string | undefined;
}

/** What a schema cannot say: names that are taken, ranges that overlap, settings of another driver, what this version does not do yet. */
export const checkMeaning = (file: ClusterFile, root: Located, options: MeaningOptions): Problem[] => {
  const problems: Problem[] = [];
  const say: Say = (path, message) =>
    void problems.push({ at: placeOf(root, path), path: pathText(path), message, saidBy: options.saidBy(path) });
  checkVersion(file, options, say);
  checkPools(file, options.drivers, say);
  checkControlPlane(file, say);
  checkNetwork(file, options.drivers, say);
  return problems;
};

const checkVersion = (file: ClusterFile, { version }: MeaningOptions, say: Say): void => {
  if (file.spec.version && file.spec.version !== version)
    say(['spec', 'version'], `this is Slipway ${version}, and the file is for ${file.spec.version}`);
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
  if (!named.length && pools[0] && sizeOf(pools[0]) === 0 && pools.some((pool) => sizeOf(pool) > 0))
    say(['spec', 'pools', 0], 'the first pool carries the control plane, and has no node');
  if (store === 'etcd') say(['spec', 'controlPlane', 'store'], 'this version does not install etcd yet: sqlite');
};
