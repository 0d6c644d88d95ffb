import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { usesHosts } from '../../drivers/driver.ts';
import { driverDescriptor } from '../../drivers/index.ts';
import { checkFlags } from './check-wishes.ts';
import type { ClusterSpec, NodeSpec } from './cluster-spec.ts';
import { DEFAULT_POOL, freeNodeName } from './node-names.ts';

/** What is wished of nodes that come to a cluster; in all else they are like those of their pool. */
export interface MoreNodes {
  count: number;
  /** Default the only one, else `main`, else the first; with hosts, of those that are made of hosts. */
  pool?: string | undefined;
  /** One a node, `user@address:port`. */
  hosts?: readonly string[] | undefined;
  identityFile?: string | undefined;
  jumpHost?: string | undefined;
  cpus?: number | undefined;
  memoryMiB?: number | undefined;
}

/** The nodes that come, in the pool's size, with its image, labels, taints, roles and settings. Throws USAGE. */
export const moreNodes = (known: ClusterSpec, wishes: MoreNodes): NodeSpec[] => {
  const { count, hosts = [], identityFile, jumpHost } = wishes;
  const like = likeOf(known, wishes);
  checkHosts(known, { like, wishes });
  checkFlags({ hosts, identityFile, jumpHost }, { driverOf: () => like.driver, command: `slipway node add --cluster ${known.name}` });
  const names = new Set(known.nodes.map((node) => node.name));
  return Array.from({ length: count }, (_, index) => ({
    name: freeNodeName(names, known.name, like.pool),
    pool: like.pool,
    driver: like.driver,
    controlPlane: false,
    cpus: wishes.cpus ?? like.cpus,
    memoryMiB: wishes.memoryMiB ?? like.memoryMiB,
    diskGiB: like.diskGiB,
    ...(like.roles ? { roles: like.roles } : {}),
    labels: { ...like.labels },
    taints: [...like.taints],
    settings: {
      ...settingsOfPool(like),
      ...(hosts[index] === undefined ? {} : { host: hosts[index] }),
      ...(identityFile ? { identityFile } : {}),
      ...(jumpHost ? { jumpHost } : {}),
    },
  }));
};

/** Whether machines of the driver are hosts that there are. */
const takesHosts = (driver: string): boolean => usesHosts(driverDescriptor(driver));

/** The youngest node of the pool: it is the nearest to what was last wished of it. */
const likeOf = ({ name, nodes }: ClusterSpec, { pool, hosts }: MoreNodes): NodeSpec => {
  const fitting = pool === undefined && hosts?.length ? nodes.filter((node) => takesHosts(node.driver)) : nodes;
  const wanted = pool ?? fitting.find((node) => node.pool === DEFAULT_POOL)?.pool ?? (fitting[0] ?? nodes[0])?.pool;
  const found = nodes.findLast((node) => node.pool === wanted && (pool !== undefined || !fitting.length || fitting.includes(node)));
  if (found) return found;
  const pools = poolsOf(nodes);
  throw new SlipwayError('USAGE', {
    tried: `add nodes to the pool ${wanted} of ${name}`,
    cause: `its nodes are of ${pools.map((one) => one.pool).join(', ')}, and a pool without nodes is known to the cluster file alone`,
    advice: [...pools.map((one) => `slipway node add --cluster ${name} --pool ${one.pool}`), 'slipway up -f FILE'],
  });
};

const checkHosts = ({ name, nodes }: ClusterSpec, { like, wishes }: { like: NodeSpec; wishes: MoreNodes }): void => {
  const { count, hosts = [], identityFile, jumpHost } = wishes;
  const tried = `add nodes to the pool ${like.pool} of ${name}`;
  const others = poolsOf(nodes).filter((one) => takesHosts(one.driver) !== takesHosts(like.driver));
  const add = `slipway node add --cluster ${name}`;
  if (!takesHosts(like.driver)) {
    const given = hosts.length ? `the host ${hosts[0]}` : identityFile ? 'a key' : jumpHost ? 'a host to go through' : undefined;
    if (!given) return;
    throw new SlipwayError('USAGE', {
      tried,
      cause: `${given} is given, and its machines are made by the driver ${like.driver}, which takes none`,
      advice: [`${add} --pool ${like.pool}`, ...others.map((one) => `${add} --pool ${one.pool} --host ${hosts[0] ?? 'root@192.0.2.11'}`)],
    });
  }
  if (hosts.length === count) return;
  throw new SlipwayError('USAGE', {
    tried,
    cause: `it is made of hosts, by the driver ${like.driver}: ${count === 1 ? 'a new node needs one' : `${count} new nodes need ${count}`}, and ${hosts.length || 'none'} ${hosts.length > 1 ? 'are' : 'is'} given`,
    advice: [`${add} --pool ${like.pool} --host root@192.0.2.11`, ...others.map((one) => `${add} --pool ${one.pool}`)],
  });
};

const poolsOf = (nodes: readonly NodeSpec[]): { pool: string; driver: string }[] => [
  ...new Map(nodes.map(({ pool, driver }) => [pool, { pool, driver }])).values(),
];

/** Without what is of that one node alone. */
const settingsOfPool = ({ driver, settings }: NodeSpec): Record<string, unknown> => {
  const own = new Set(
    driverDescriptor(driver)
      .settings.filter(({ scope }) => scope === 'node')
      .map((setting) => setting.name),
  );
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !own.has(key)));
};
