import { resolve } from 'node:path';
import { ipv4Text, parseIpv4 } from '../../base/net/ipv4-range.ts';
import { hostIdentity } from '../../hosts/ssh/ssh-target.ts';
import {
  type ClusterSpec,
  type ClusterWishes,
  certificateLife,
  checkName,
  clusterSpec,
  DEFAULT_NETWORK,
  type NetworkSpec,
  type NodeSpec,
  type WishedFile,
} from '../spec/cluster-spec.ts';
import { freeNodeName } from '../spec/node-names.ts';
import { DISK, inUnits, MEMORY } from '../spec/node-size.ts';
import { type ClusterFile, CONTROL_PLANE_ROLE, DEFAULT_DRIVER, driverOf, HOOK_NAMES, type PoolFile, poolsOf } from './cluster-file.ts';

/** What a file makes of a cluster, that exists or not. */
export interface FileOutcome {
  /** Nodes that exist keep their names and the size that they were made with. */
  spec: ClusterSpec;
  /** Nodes that exist and are not in the file. */
  removed: NodeSpec[];
  /** Nodes that exist in another size, or with another image, than the file has: that takes new machines. */
  differing: { node: string; key: string; now: string; wanted: string }[];
}

/** What is wished on the command line or in a file. Throws USAGE, NAME_INVALID, CONFIG_INVALID, CLUSTER_EXISTS. */
export const wishedSpec = (wishes: ClusterWishes, known?: ClusterSpec): FileOutcome =>
  wishes.file ? specOfFile(wishes.file, known) : { spec: clusterSpec(wishes, known), removed: [], differing: [] };

/** Throws CONFIG_INVALID for what cannot be changed any more, NAME_INVALID. */
const specOfFile = ({ content: file, folder, refuse }: WishedFile, known: ClusterSpec | undefined): FileOutcome => {
  const { name } = file.metadata;
  checkName(name, 'cluster');
  const wanted = nameNodes(file, known);
  const spec: ClusterSpec = {
    // What a file does not say of a cluster that exists stays.
    ...known,
    ...certificateLife(known),
    name,
    driver: file.spec.driver ?? DEFAULT_DRIVER,
    driverSettings: structuredClone(file.spec.drivers ?? {}),
    nodes: wanted,
    dedicatedControlPlanes: file.spec.controlPlane?.dedicated ?? false,
    network: networkOf(file),
    storageClass: file.spec.addons?.storageClass,
    hooks: hooksOf(file, folder),
    manifests: file.spec.manifests?.map((path) => resolve(folder, path)),
  };
  if (!known) return { spec: withControlPlane(file, spec), removed: [], differing: [] };
  const fixed = fixedProblems(file, spec, known);
  const removed = known.nodes.filter((node) => !wanted.some((one) => one.name === node.name));
  const carrier = removed.find((node) => node.controlPlane);
  if (carrier)
    fixed.push({
      path: ['spec', 'pools'],
      message: `${carrier.name} carries the control plane, and the file has no place for it (pool ${carrier.pool})`,
    });
  if (fixed.length) throw refuse(fixed).with({ advice: [`slipway down ${name}   # and up again, where it has to differ`] });
  const differing: FileOutcome['differing'] = [];
  const nodes = wanted.map((node) => {
    const there = known.nodes.find((one) => one.name === node.name);
    return there ? kept(node, there, differing) : node;
  });
  return { spec: { ...spec, nodes }, removed, differing };
};

/** Nodes in the order of the file; those that exist first within their pool. */
const nameNodes = (file: ClusterFile, known: ClusterSpec | undefined): NodeSpec[] => {
  const cluster = file.metadata.name;
  const names = new Set(known?.nodes.map((node) => node.name));
  for (const pool of poolsOf(file)) for (const host of pool.hosts ?? []) if (typeof host === 'object' && host.name) names.add(host.name);
  const freeName = (pool: PoolFile): string => {
    const name = freeNodeName(names, cluster, pool.name);
    checkName(name, 'node');
    return name;
  };
  return poolsOf(file).flatMap((pool) => {
    const driver = driverOf(file, pool);
    const there = (known?.nodes ?? []).filter((node) => node.pool === pool.name && node.driver === driver);
    if (!pool.hosts) {
      // The control plane stays when a pool becomes smaller; then the oldest.
      const stay = there.toSorted((one, other) => Number(other.controlPlane) - Number(one.controlPlane)).slice(0, pool.count ?? 1);
      const fresh = Array.from({ length: (pool.count ?? 1) - stay.length }, () => nodeOf(freeName(pool), pool, driver));
      return [...there.filter((node) => stay.includes(node)).map((node) => nodeOf(node.name, pool, driver)), ...fresh];
    }
    return pool.hosts.map((given) => {
      const { name, ...settings } = typeof given === 'string' ? { name: undefined, host: given } : given;
      const old = there.find((node) => hostIdentity(String(node.settings['host'])) === hostIdentity(settings.host));
      return nodeOf(old?.name ?? name ?? freeName(pool), pool, driver, settings);
    });
  });
};

const nodeOf = (name: string, pool: PoolFile, driver: string, settings: Record<string, unknown> = {}): NodeSpec => ({
  name,
  pool: pool.name,
  driver,
  controlPlane: false,
  cpus: pool.cpus,
  memoryMiB: pool.memory === undefined ? undefined : inUnits(pool.memory, MEMORY),
  diskGiB: pool.disk === undefined ? undefined : inUnits(pool.disk, DISK),
  roles: (pool.roles ?? []).filter((role) => role !== CONTROL_PLANE_ROLE),
  labels: { ...pool.labels },
  taints: [...(pool.taints ?? [])],
  settings: { ...(pool.image === undefined ? {} : { image: pool.image }), ...pool.settings, ...settings },
});

const withControlPlane = (file: ClusterFile, spec: ClusterSpec): ClusterSpec => {
  const pools = poolsOf(file);
  const named = pools.filter((pool) => pool.roles?.includes(CONTROL_PLANE_ROLE)).map((pool) => pool.name);
  const candidates = spec.nodes.filter((node) => (named.length ? named.includes(node.pool) : node.pool === pools[0]?.name));
  const carriers = named.length ? candidates : candidates.slice(0, file.spec.controlPlane?.count ?? 1);
  return { ...spec, nodes: spec.nodes.map((node) => ({ ...node, controlPlane: carriers.includes(node) })) };
};

const networkOf = (file: ClusterFile): NetworkSpec => {
  const { nodePortRange, ...given } = file.spec.network ?? {};
  const [from = 0, to = 0] = nodePortRange?.split('-').map(Number) ?? DEFAULT_NETWORK.nodePortRange;
  const dns = given.serviceCidr ? ipv4Text((parseIpv4(given.serviceCidr.split('/')[0] ?? '') ?? 0) + 10) : DEFAULT_NETWORK.clusterDns;
  return { ...DEFAULT_NETWORK, clusterDns: dns, ...given, nodePortRange: [from, to] };
};

const hooksOf = (file: ClusterFile, folder: string): ClusterSpec['hooks'] => {
  const commands = Object.fromEntries(HOOK_NAMES.map((name) => [name, file.spec.hooks?.[name] ?? []]).filter(([, list]) => list?.length));
  return Object.keys(commands).length ? { folder, commands } : undefined;
};

const fixedProblems = (file: ClusterFile, spec: ClusterSpec, known: ClusterSpec): { path: string[]; message: string }[] =>
  (['podCidr', 'nodeCidrMaskSize', 'serviceCidr', 'clusterDns', 'clusterDomain'] as const)
    .filter((key) => spec.network[key] !== known.network[key])
    // The address of DNS follows from the range of Services: one fault is not told twice.
    .filter((key) => key !== 'clusterDns' || file.spec.network?.clusterDns || spec.network.serviceCidr === known.network.serviceCidr)
    .map((key) => ({
      path: ['spec', 'network', key],
      message: `it is ${known.network[key]} since the cluster was made, and cannot become ${spec.network[key]}${file.spec.network?.[key] === undefined ? ', which is the default' : ''}`,
    }));

/** What a machine was made with stays, and is told where the file has something else. */
const kept = (wanted: NodeSpec, there: NodeSpec, differing: FileOutcome['differing']): NodeSpec => {
  const differs = (key: string, now: unknown, wish: unknown): void => {
    if (now !== wish) differing.push({ node: there.name, key, now: String(now ?? 'default'), wanted: String(wish ?? 'default') });
  };
  for (const key of ['cpus', 'memoryMiB', 'diskGiB'] as const) differs(key, there[key], wanted[key]);
  for (const key of ['image', 'instanceType']) differs(key, there.settings[key], wanted.settings[key]);
  const { image, instanceType } = there.settings;
  const settings = { ...wanted.settings, ...(image ? { image } : {}), ...(instanceType ? { instanceType } : {}) };
  return {
    ...wanted,
    controlPlane: there.controlPlane,
    ...(there.since ? { since: there.since } : {}),
    cpus: there.cpus,
    memoryMiB: there.memoryMiB,
    diskGiB: there.diskGiB,
    settings,
  };
};
