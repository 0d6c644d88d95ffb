import type { DriverDescriptor, DriverSetting } from '../../drivers/driver.ts';
import { HOOK_NAMES, type HookName } from './cluster-file.ts';
import type { Schema } from './schema.ts';

const NAME = { pattern: '[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?', 'x-is': 'at most 40 small letters, digits and hyphens between them' };
const CIDR = { pattern: String.raw`\d{1,3}(\.\d{1,3}){3}/\d{1,2}`, 'x-is': 'a range of IPv4 addresses such as 10.244.0.0/16' };
const SIZE = { pattern: String.raw`\d+(\.\d+)?(Mi|Gi|Ti|M|G|T)`, 'x-is': 'a size such as 2Gi' };

const HOOKS: Record<HookName, string> = {
  beforeUp: 'Before anything is made or changed; a command that fails stops `up`',
  afterUp: 'When all is ready; KUBECONFIG is the administrator’s',
  beforeDown: 'Before anything is removed; a command that fails stops `down` (not with --force)',
  afterDown: 'When all is gone',
};

/** The schema of the cluster file: the keys that are always there, and what the drivers say of themselves. */
export const clusterFileSchema = (drivers: readonly DriverDescriptor[]): Schema => ({
  ...object(
    {
      apiVersion: { type: 'string', const: 'slipway/v1', description: 'Version of this format' },
      kind: { type: 'string', const: 'Cluster', description: 'The one kind that there is' },
      metadata: object({ name: { type: 'string', ...NAME, description: 'Name of the cluster; nodes are named after it' } }, ['name']),
      spec: specSchema(drivers),
    },
    ['apiVersion', 'kind', 'metadata'],
  ),
  description: 'A cluster of Slipway: slipway up -f FILE makes it, or brings it to what the file says',
});

const specSchema = (drivers: readonly DriverDescriptor[]): Schema => ({
  ...object({
    version: {
      type: 'string',
      pattern: String.raw`\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?`,
      'x-is': 'a version such as 1.2.3',
      description: 'Version of Slipway that the file is for; another one refuses it [any]',
    },
    driver: { ...driverName(drivers), description: 'Makes the machines of pools that name no driver of their own', default: 'local' },
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
    pools: { type: 'array', minItems: 1, items: poolSchema(drivers), description: 'Nodes that are alike [one pool, main, of two nodes]' },
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
    podCidr: { type: 'string', ...CIDR, default: '10.244.0.0/16', description: 'Addresses of pods' },
    nodeCidrMaskSize: {
      type: 'integer',
      minimum: 8,
      maximum: 28,
      default: 24,
      description: 'Part of podCidr that each node has, as a prefix length',
    },
    serviceCidr: { type: 'string', ...CIDR, default: '10.96.0.0/16', description: 'Addresses of Services' },
    clusterDns: {
      type: 'string',
      pattern: String.raw`\d{1,3}(\.\d{1,3}){3}`,
      'x-is': 'an IPv4 address',
      description: 'Address of the cluster’s DNS, in serviceCidr [its tenth]',
    },
    clusterDomain: {
      type: 'string',
      pattern: String.raw`[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*`,
      'x-is': 'a DNS name such as cluster.local',
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

const poolSchema = (drivers: readonly DriverDescriptor[]): Schema =>
  object(
    {
      name: {
        type: 'string',
        pattern: '[a-z]([a-z0-9-]{0,18}[a-z0-9])?',
        'x-is': 'at most 20 small letters, digits and hyphens',
        description: 'Nodes are called CLUSTER-POOL-NUMBER, those of the pool main CLUSTER-NUMBER',
      },
      count: { type: 'integer', minimum: 0, maximum: 150, default: 1, description: 'How many nodes; not for drivers of hosts' },
      hosts: {
        type: 'array',
        items: hostSchema(drivers),
        description: 'For drivers of hosts (ssh): one node each, user@address:port or a map',
      },
      driver: { ...driverName(drivers), description: 'Makes the machines of this pool [spec.driver]' },
      roles: {
        ...texts(
          'Shown by `get nodes` (labels node-role.kubernetes.io/ROLE). control-plane: the nodes of this pool carry the control plane [worker]',
        ),
        items: { type: 'string', pattern: '[a-z0-9]([a-z0-9-]*[a-z0-9])?', 'x-is': 'small letters, digits and hyphens' },
      },
      cpus: { type: 'integer', minimum: 1, maximum: 1024, description: "CPUs of a node [the driver's default]" },
      memory: { type: 'string', ...SIZE, description: "Memory of a node [the driver's default]", examples: ['2Gi'] },
      disk: { type: 'string', ...SIZE, description: "Disk of a node [the driver's default]", examples: ['20Gi'] },
      image: { type: 'string', description: 'Image of the machines, where the driver has one to choose' },
      labels: { type: 'object', additionalProperties: { type: 'string' }, description: 'Labels of the nodes' },
      taints: {
        ...texts('Taints of the nodes: key=value:Effect, key:Effect'),
        items: {
          type: 'string',
          pattern: String.raw`[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)`,
          'x-is': 'key=value:NoSchedule, or with PreferNoSchedule or NoExecute',
        },
      },
      settings: {
        ...object(mergedSettings(drivers, (setting) => setting.scope === 'pool' && setting.name !== 'image')),
        description: "Settings of the pool's driver, over those in spec.drivers",
      },
    },
    ['name'],
  );

const hostSchema = (drivers: readonly DriverDescriptor[]): Schema => ({
  oneOf: [
    { type: 'string', pattern: String.raw`\S+`, 'x-is': 'user@address:port', examples: ['root@192.0.2.11'] },
    object(
      {
        name: { type: 'string', ...NAME, description: 'Name of the node [CLUSTER-POOL-NUMBER]' },
        ...mergedSettings(drivers, ({ scope }) => scope === 'node'),
      },
      ['host'],
    ),
  ],
});

const driverSchema = (driver: DriverDescriptor): Schema => ({
  ...object(
    Object.fromEntries(driver.settings.filter(({ scope }) => scope !== 'node').map((setting) => [setting.name, settingSchema(setting)])),
  ),
  description: `${driver.name}: ${driver.summary}`,
});

/** Of all drivers together; that a pool's settings are its own driver's is checked beside the schema. */
const mergedSettings = (drivers: readonly DriverDescriptor[], wanted: (setting: DriverSetting) => boolean): Record<string, Schema> => {
  const found: Record<string, Schema> = {};
  for (const driver of drivers)
    for (const setting of driver.settings.filter(wanted)) {
      const there = found[setting.name];
      // Two drivers may mean different values by one name: then only the type that they share is held here.
      found[setting.name] = there
        ? { type: settingSchema(setting).type ?? 'string', description: `${there.description}; ${driver.name}: ${setting.description}` }
        : { ...settingSchema(setting), description: `${driver.name}: ${setting.description}` };
    }
  return found;
};

const settingSchema = (setting: DriverSetting): Schema => ({
  ...(setting.type === 'strings' ? { type: 'array', items: { type: 'string' } } : { type: setting.type }),
  ...(setting.enum ? { enum: setting.enum } : {}),
  ...(setting.pattern ? { pattern: setting.pattern } : {}),
  description: setting.description,
});

const object = (properties: Record<string, Schema>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length ? { required } : {}),
});

const texts = (description: string): Schema => ({ type: 'array', items: { type: 'string' }, description });
const commands = texts;
const driverName = (drivers: readonly DriverDescriptor[]): Schema => ({ type: 'string', enum: drivers.map((driver) => driver.name) });
