import { IPV4_ADDRESS, ipv4Range } from '../../base/net/ipv4-forms.ts';
import type { TextForm } from '../../base/text/text-form.ts';
import type { DriverDescriptor } from '../../drivers/driver.ts';
import { MAX_NODES } from '../spec/cluster-spec.ts';
import { NAME } from '../spec/node-names.ts';
import { CPUS, DISK, MEMORY, sizeFault } from '../spec/node-size.ts';
import { DEFAULT_DRIVER, HOOK_NAMES, type HookName } from './cluster-file.ts';
import type { Schema } from './schema.ts';
import { hostSettings, object, ownSettings, poolImage, poolSettings } from './setting-schema.ts';

const SIZE = String.raw`\d{1,12}(\.\d{1,9})?(Mi|Gi|Ti|M|G|T)`;
const MEMORY_SIZE: TextForm = { pattern: SIZE, 'x-is': 'a size such as 2Gi or 512Mi', fault: (text) => sizeFault(text, MEMORY) };
const DISK_SIZE: TextForm = { pattern: SIZE, 'x-is': 'a size such as 20Gi', fault: (text) => sizeFault(text, DISK) };
const DNS_NAME: TextForm = {
  pattern: String.raw`[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*`,
  'x-is': 'a DNS name such as cluster.local',
  fault: (text) => (text.length > 253 ? `is longer than a DNS name: ${text.length} characters, and at most 253` : undefined),
};
const LABEL_VALUE: TextForm = {
  pattern: '([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?',
  'x-is': 'at most 63 letters, digits, -, _ and ., with a letter or digit at both ends',
};

const HOOKS: Record<HookName, string> = {
  beforeUp: 'Before anything is made or changed; a command that fails stops `up`',
  afterUp: 'When all is ready; KUBECONFIG is the administrator’s',
  beforeDown: 'Before anything is removed; a command that fails stops `down` (not with --force)',
  afterDown: 'When all is gone',
};

/**
 * The schema of the cluster file: the keys that are always there, and what the drivers say of themselves. `ofPools`: the drivers of a file's
 * pools, where they are known: each pool is then held to its own.
 */
export const clusterFileSchema = (
  drivers: readonly DriverDescriptor[],
  ofPools: readonly (DriverDescriptor | undefined)[] = [],
): Schema => ({
  ...object(
    {
      apiVersion: { type: 'string', const: 'slipway/v1', description: 'Version of this format' },
      kind: { type: 'string', const: 'Cluster', description: 'The one kind that there is' },
      metadata: object({ name: { type: 'string', ...NAME, description: 'Name of the cluster; nodes are named after it' } }, ['name']),
      spec: specSchema(drivers, ofPools),
    },
    ['apiVersion', 'kind', 'metadata'],
  ),
  description: 'A cluster of Slipway: slipway up -f FILE makes it, or brings it to what the file says',
});

const specSchema = (drivers: readonly DriverDescriptor[], ofPools: readonly (DriverDescriptor | undefined)[]): Schema => ({
  ...object({
    version: {
      type: 'string',
      pattern: String.raw`\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?`,
      'x-is': 'a version such as 1.2.3',
      description: 'Version of Slipway that the file is for; another one refuses it [any]',
    },
    driver: {
      ...driverName(drivers),
      description: 'Makes the machines of pools that name no driver of their own',
      default: DEFAULT_DRIVER,
    },
    drivers: {
      ...object(Object.fromEntries(drivers.map((driver) => [driver.name, driverSchema(driver)]))),
      description: 'Settings of drivers that hold for all of their pools',
    },
    controlPlane: {
      ...object({
        count: {
          type: 'integer',
          minimum: 1,
          maximum: 7,
          default: 1,
          description: 'How many nodes carry it. More than one is kept for a later version, and refused',
        },
        dedicated: { type: 'boolean', default: false, description: 'Its nodes take no workloads' },
        store: {
          type: 'string',
          enum: ['sqlite', 'etcd'],
          default: 'sqlite',
          description: 'Where the API keeps its objects. etcd is kept for a later version, and refused',
        },
      }),
      description:
        'API server, scheduler and controllers: on the nodes of the pool with the role control-plane, else on the first nodes of the first pool',
    },
    pools: {
      type: 'array',
      minItems: 1,
      ...(ofPools.length ? { prefixItems: ofPools.map((own) => poolSchema(drivers, own)) } : {}),
      items: poolSchema(drivers),
      description: 'Nodes that are alike [one pool, main, of two nodes]',
    },
    network: networkSchema(),
    addons: {
      ...object({
        storageClass: { type: 'boolean', default: true, description: 'A new cluster gets a default storage class: folders on the nodes' },
        demo: { type: 'boolean', default: false, description: 'A demo application, exposed and fetched' },
      }),
      description: 'What is installed in the cluster',
    },
    hooks: {
      ...object(Object.fromEntries(HOOK_NAMES.map((name) => [name, commands(HOOKS[name])]))),
      description:
        'Shell commands on this computer, in the folder of the file, with SLIPWAY_CLUSTER and KUBECONFIG in their environment. They have to bear being run again',
    },
    manifests: texts('Files, or folders of files, that are applied when all is ready, from the folder of the cluster file'),
    kubeconfig: {
      ...object({
        merge: { type: 'boolean', default: true, description: 'Write the cluster into $KUBECONFIG or ~/.kube/config' },
        switchContext: { type: 'boolean', default: true, description: "Make a new cluster's context the current one" },
      }),
      description: 'The way in for clients',
    },
  }),
  description: 'What the cluster is to be',
});

const networkSchema = (): Schema => ({
  ...object({
    podCidr: { type: 'string', ...ipv4Range('10.244.0.0/16'), default: '10.244.0.0/16', description: 'Addresses of pods' },
    nodeCidrMaskSize: {
      type: 'integer',
      minimum: 8,
      maximum: 28,
      default: 24,
      description: 'Part of podCidr that each node has, as a prefix length',
    },
    serviceCidr: { type: 'string', ...ipv4Range('10.96.0.0/16'), default: '10.96.0.0/16', description: 'Addresses of Services' },
    clusterDns: {
      type: 'string',
      ...IPV4_ADDRESS,
      description: 'Address of the cluster’s DNS, in serviceCidr [its tenth]',
    },
    clusterDomain: {
      type: 'string',
      ...DNS_NAME,
      default: 'cluster.local',
      description: 'Domain of the names of Services',
    },
    nodePortRange: {
      type: 'string',
      pattern: String.raw`\d{1,5}-\d{1,5}`,
      'x-is': 'two ports such as 30000-32767',
      default: '30000-32767',
      description: 'Ports of Services of type NodePort',
    },
  }),
  description: 'Ranges that must not overlap, nor be used by the network of the nodes. They cannot be changed later',
});

const poolSchema = (drivers: readonly DriverDescriptor[], own?: DriverDescriptor): Schema =>
  object(
    {
      name: {
        type: 'string',
        pattern: '[a-z]([a-z0-9-]{0,18}[a-z0-9])?',
        'x-is': 'at most 20 small letters, digits and hyphens, a letter first, such as workers',
        description: 'Nodes are called CLUSTER-POOL-NUMBER, those of the pool main CLUSTER-NUMBER',
      },
      count: { type: 'integer', minimum: 0, maximum: MAX_NODES, default: 1, description: 'How many nodes; not for drivers of hosts' },
      hosts: {
        type: 'array',
        items: hostSchema(drivers, own),
        description: 'For drivers of hosts (ssh): one node each, user@address:port or a map',
      },
      driver: { ...driverName(drivers), description: 'Makes the machines of this pool [spec.driver]' },
      roles: {
        ...texts(
          'Shown by `get nodes` (labels node-role.kubernetes.io/ROLE). control-plane: the nodes of this pool carry the control plane [worker]',
        ),
        items: {
          type: 'string',
          pattern: '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?',
          'x-is': 'a role such as gpu: small letters, digits and hyphens',
        },
      },
      cpus: { type: 'integer', ...CPUS, description: "CPUs of a node [the driver's default]" },
      memory: { type: 'string', ...MEMORY_SIZE, description: "Memory of a node [the driver's default]", examples: ['2Gi'] },
      disk: { type: 'string', ...DISK_SIZE, description: "Disk of a node [the driver's default]", examples: ['20Gi'] },
      image: { ...poolImage(drivers, own), description: 'Image of the machines, where the driver has one to choose' },
      labels: { type: 'object', additionalProperties: { type: 'string', ...LABEL_VALUE }, description: 'Labels of the nodes' },
      taints: {
        ...texts('Taints of the nodes: key=value:Effect, key:Effect'),
        items: {
          type: 'string',
          pattern: String.raw`[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)`,
          'x-is': 'a taint such as gpu=yes:NoSchedule, or with PreferNoSchedule or NoExecute',
        },
      },
      settings: {
        ...object(poolSettings(drivers, own)),
        description: "Settings of the pool's driver, over those in spec.drivers",
      },
    },
    ['name'],
  );

const hostSchema = (drivers: readonly DriverDescriptor[], own?: DriverDescriptor): Schema => {
  const { host, ...settings } = hostSettings(drivers, own);
  return {
    oneOf: [
      { ...host, type: 'string', examples: ['root@192.0.2.11'] },
      object({ name: { type: 'string', ...NAME, description: 'Name of the node [CLUSTER-POOL-NUMBER]' }, ...settings, host: { ...host } }, [
        'host',
      ]),
    ],
  };
};

const driverSchema = (driver: DriverDescriptor): Schema => ({
  ...object(ownSettings(driver, ({ scope }) => scope !== 'node')),
  description: `${driver.name}: ${driver.summary}`,
});

const texts = (description: string): Schema => ({ type: 'array', items: { type: 'string', minLength: 1 }, description });
const commands = texts;
const driverName = (drivers: readonly DriverDescriptor[]): Schema => ({ type: 'string', enum: drivers.map((driver) => driver.name) });
