import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { formProblem } from '../../base/text/text-form.ts';
import type { ClusterFile } from '../file/cluster-file.ts';
import { checkFlags, checkSpec } from './check-wishes.ts';
import { type MoreNodes, moreNodes } from './more-nodes.ts';
import { DEFAULT_POOL, NAME } from './node-names.ts';
import { requireAllUsed, toldHosts } from './told-hosts.ts';

/** What a cluster is to be. Saved with the cluster's state; a later `up` changes what differs. */
export interface ClusterSpec {
  name: string;
  /** Of nodes that name no other. */
  driver: string;
  /** By driver: what holds for all its nodes. */
  driverSettings: Record<string, Record<string, unknown>>;
  nodes: NodeSpec[];
  /** Control-plane nodes take no workloads. */
  dedicatedControlPlanes: boolean;
  network: NetworkSpec;
  /** False: no default storage class for a new cluster. */
  storageClass?: boolean | undefined;
  hooks?: HooksSpec | undefined;
  /** Files and folders whose objects are applied when all is ready. Absolute. */
  manifests?: readonly string[] | undefined;
  /** The life of leaf certificates; a year where it is left out. */
  certificateSeconds?: number | undefined;
}

/** Shell commands on this computer, by the moment at which they run. */
export interface HooksSpec {
  /** Where they run: the folder of the cluster file. */
  folder: string;
  commands: { readonly [moment: string]: readonly string[] };
}

export interface NodeSpec {
  name: string;
  /** Nodes of one pool are alike. */
  pool: string;
  driver: string;
  controlPlane: boolean;
  /** When its machine took the place of another one, RFC 3339. */
  since?: string | undefined;
  cpus?: number | undefined;
  memoryMiB?: number | undefined;
  diskGiB?: number | undefined;
  /** Labels `node-role.kubernetes.io/ROLE`, which only an administrator may give. */
  roles?: readonly string[] | undefined;
  labels: Record<string, string>;
  /** `key=value:Effect`. */
  taints: string[];
  /** For the driver, over those of the cluster: SSH address, instance type. */
  settings: Record<string, unknown>;
}

export interface NetworkSpec {
  podCidr: string;
  nodeCidrMaskSize: number;
  serviceCidr: string;
  clusterDns: string;
  clusterDomain: string;
  nodePortRange: [from: number, to: number];
}

/** As a person says it, on the command line. What is left out keeps its value for a cluster that exists, and its default for a new one. */
export interface ClusterWishes {
  name: string;
  driver?: string | undefined;
  nodes?: number | undefined;
  controlPlanes?: number | undefined;
  dedicatedControlPlanes?: boolean | undefined;
  cpus?: number | undefined;
  memoryMiB?: number | undefined;
  subnet?: string | undefined;
  /** Hosts of the ssh driver, `user@address:port`, one a node. */
  hosts?: readonly string[] | undefined;
  identityFile?: string | undefined;
  jumpHost?: string | undefined;
  /** Nodes that come to those of a cluster that exists; then only `name` stands beside it. */
  added?: MoreNodes | undefined;
  /** All of the cluster; then only `name` stands beside it, as the others are in it already. */
  file?: WishedFile | undefined;
}

export interface WishedFile {
  content: ClusterFile;
  /** What paths in it are relative to. */
  folder: string;
  /** The error for what turns out to be wrong with it, with the places of the keys. */
  refuse: (problems: readonly { path: readonly (string | number)[]; message: string }[]) => SlipwayError;
}

export const DEFAULT_NETWORK: NetworkSpec = {
  podCidr: '10.244.0.0/16',
  nodeCidrMaskSize: 24,
  serviceCidr: '10.96.0.0/16',
  clusterDns: '10.96.0.10',
  clusterDomain: 'cluster.local',
  nodePortRange: [30000, 32767],
};

export const MAX_NODES = 150;

/** Throws USAGE, NAME_INVALID, CLUSTER_EXISTS. */
export const clusterSpec = (wishes: ClusterWishes, known?: ClusterSpec): ClusterSpec => {
  checkName(wishes.name, 'cluster');
  const driver = wishes.driver ?? known?.driver ?? (wishes.hosts?.length ? 'ssh' : 'local');
  if (known && known.driver !== driver)
    throw new SlipwayError('CLUSTER_EXISTS', {
      tried: `make the cluster ${wishes.name} with the driver ${driver}`,
      cause: `it exists, made by the driver ${known.driver}`,
      advice: [`slipway up ${wishes.name} --driver ${known.driver}`, `slipway down ${wishes.name}`],
    });
  checkFlags(wishes, { driverOf: () => driver });
  const count = nodeCount(wishes, known);
  const controlPlanes = wishes.controlPlanes ?? known?.nodes.filter((node) => node.controlPlane).length ?? 1;
  if (controlPlanes !== 1)
    throw new SlipwayError('USAGE', {
      tried: `make ${controlPlanes} control planes`,
      cause:
        controlPlanes < 1 ? 'a cluster needs one' : 'several control planes share a store in etcd, which this version does not install yet',
      advice: [`slipway up ${wishes.name} --control-planes 1`],
    });
  const nodes = known ? knownAndMore(known, count, wishes) : firstNodes(wishes, { driver, count });
  for (const node of nodes.slice(known?.nodes.length)) checkName(node.name, 'node');
  const driverSettings = { ...known?.driverSettings };
  if (wishes.subnet) driverSettings[driver] = { ...driverSettings[driver], subnet: wishes.subnet };
  const spec: ClusterSpec = {
    ...known,
    name: wishes.name,
    driver,
    driverSettings,
    nodes,
    dedicatedControlPlanes: wishes.dedicatedControlPlanes ?? known?.dedicatedControlPlanes ?? false,
    network: known?.network ?? DEFAULT_NETWORK,
    ...certificateLife(known),
  };
  checkSpec(spec, { known, subnet: wishes.subnet });
  return spec;
};

/** $SLIPWAY_CERTIFICATE_SECONDS, of a cluster that is new: for those who want short lives, and for tests of renewal. */
export const certificateLife = (known?: ClusterSpec): Pick<ClusterSpec, 'certificateSeconds'> => {
  const text = process.env['SLIPWAY_CERTIFICATE_SECONDS'];
  const certificateSeconds = known ? known.certificateSeconds : text ? Number(text) : undefined;
  if (certificateSeconds === undefined) return {};
  if (Number.isInteger(certificateSeconds) && certificateSeconds >= 30) return { certificateSeconds };
  throw new SlipwayError('USAGE', { tried: `use SLIPWAY_CERTIFICATE_SECONDS=${text}`, cause: 'it must be a whole number of at least 30' });
};

const nodeCount = (wishes: ClusterWishes, known?: ClusterSpec): number => {
  const hosts = wishes.hosts?.length ? wishes.hosts.length : undefined;
  const count = wishes.added && known ? known.nodes.length + wishes.added.count : (wishes.nodes ?? hosts ?? known?.nodes.length ?? 2);
  if (!Number.isInteger(count) || count < 1 || count > MAX_NODES)
    throw new SlipwayError('USAGE', { tried: `make ${count} nodes`, cause: `a cluster has 1 to ${MAX_NODES} nodes` });
  if (hosts !== undefined && hosts !== count)
    throw new SlipwayError('USAGE', { tried: `make ${count} nodes`, cause: `${hosts} hosts are given, and each node is one of them` });
  if (known && count < known.nodes.length)
    throw new SlipwayError('USAGE', {
      tried: `make ${count} nodes`,
      cause: `${wishes.name} has ${known.nodes.length}, and up never takes one away`,
      advice: [`slipway node remove ${known.nodes.at(-1)?.name} --cluster ${wishes.name}`],
    });
  return count;
};

const firstNodes = (wishes: ClusterWishes, { driver, count }: { driver: string; count: number }): NodeSpec[] => {
  const { name, cpus, memoryMiB, hosts, identityFile, jumpHost } = wishes;
  return Array.from({ length: count }, (_, index) => ({
    name: `${name}-${index + 1}`,
    pool: DEFAULT_POOL,
    driver,
    controlPlane: index === 0,
    cpus,
    memoryMiB,
    labels: {},
    taints: [],
    settings: {
      ...(hosts?.[index] ? { host: hosts[index] } : {}),
      ...(identityFile ? { identityFile } : {}),
      ...(jumpHost ? { jumpHost } : {}),
    },
  }));
};

/** What is said of all nodes holds for those that come, and how hosts are reached for those that are there. */
const knownAndMore = (known: ClusterSpec, count: number, wishes: ClusterWishes): NodeSpec[] => {
  if (wishes.added) return [...known.nodes, ...moreNodes(known, wishes.added)];
  const { nodes, rest } = toldHosts(known, wishes);
  const more = count - nodes.length;
  if (more < 1) {
    requireAllUsed(known.name, rest);
    return nodes;
  }
  const { cpus, memoryMiB, identityFile, jumpHost } = wishes;
  return [...nodes, ...moreNodes(known, { count: more, hosts: rest, cpus, memoryMiB, identityFile, jumpHost })];
};

/** Throws NAME_INVALID. */
export const checkName = (name: string, kind: 'cluster' | 'node'): void => {
  if (formProblem(NAME, name) === undefined) return;
  const suggestion = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  throw new SlipwayError('NAME_INVALID', {
    tried: `name a ${kind} ${JSON.stringify(name)}`,
    cause: 'a name has at most 40 characters, which are small letters, digits and hyphens, and begins and ends with a letter or digit',
    advice: suggestion ? [`slipway up ${suggestion}`] : [],
  });
};
