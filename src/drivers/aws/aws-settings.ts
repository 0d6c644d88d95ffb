import { ipv4Range, ipv4RangeOfSize, rangeFault } from '../../base/net/ipv4-forms.ts';
import type { TextForm } from '../../base/text/text-form.ts';
import type { DriverDescriptor } from '../driver.ts';
import { USER_NAME } from '../setting-forms.ts';

const REGION: TextForm = { pattern: String.raw`[a-z]{2}(-[a-z]+)+-\d`, 'x-is': 'a region such as eu-central-1' };
const CLIENTS: TextForm = ipv4Range('198.51.100.7/32');
/** The ports of nodes are opened to them. */
const OTHER_NODES: TextForm = {
  ...ipv4Range('192.168.7.0/24'),
  fault: (text) =>
    text.endsWith('/0') ? `${text} is every address there is: agents and the overlay would be open to all of them` : rangeFault(text),
};
const INSTANCE_TYPE: TextForm = {
  pattern: String.raw`[a-z][a-z0-9-]*\.([a-z0-9]+-)*[a-z0-9]+`,
  'x-is': 'an instance type such as t3.medium or m6i.8xlarge',
};
const idOf = (kind: string, what: string): TextForm => ({
  pattern: `${kind}-[0-9a-f]+`,
  'x-is': `the ID of ${what} such as ${kind}-0a1b2c3d4e5f67890`,
});

export const awsDriver: DriverDescriptor = {
  name: 'aws',
  summary: 'EC2 instances in a network of their own, or in one that you have; costs money',
  settings: [
    {
      name: 'region',
      scope: 'cluster',
      type: 'string',
      form: REGION,
      description: 'Region, eu-central-1 [AWS_REGION]',
    },
    {
      name: 'vpc',
      scope: 'cluster',
      type: 'string',
      form: idOf('vpc', 'a network'),
      needs: 'subnets',
      description: 'Network that you have [one is made]',
    },
    {
      name: 'subnets',
      scope: 'cluster',
      type: 'strings',
      form: idOf('subnet', 'a subnet'),
      needs: 'vpc',
      description: 'Subnets of it that nodes may be in, with a way out; needed with vpc',
    },
    {
      name: 'cidr',
      scope: 'cluster',
      type: 'string',
      nodeRange: { defaults: ['10.100.0.0/16'], unless: 'vpc' },
      form: ipv4RangeOfSize(16, '10.100.0.0/16'),
      description: 'Range of the network that is made [10.100.0.0/16]',
    },
    {
      name: 'zones',
      scope: 'cluster',
      type: 'integer',
      minimum: 1,
      maximum: 16,
      description: 'How many availability zones the network that is made has [3, or all]',
    },
    {
      name: 'clientCidrs',
      scope: 'cluster',
      type: 'strings',
      form: CLIENTS,
      description: 'Who may reach SSH and the API [the address by which AWS sees this computer]',
    },
    {
      name: 'nodePortCidrs',
      scope: 'cluster',
      type: 'strings',
      form: CLIENTS,
      description: 'Who may reach node ports [those of clientCidrs]',
    },
    {
      name: 'nodeCidrs',
      scope: 'cluster',
      type: 'strings',
      form: OTHER_NODES,
      description: 'Nodes of other drivers in the cluster, by the addresses that instances see them by: [192.168.7.0/24] [none]',
    },
    {
      name: 'podRoutes',
      scope: 'cluster',
      type: 'boolean',
      without: { setting: 'vpc', why: 'the table of routes has to be that of a network that is made' },
      description:
        'Pods are reached by routes of the network instead of in VXLAN; at most 50 nodes, or the account’s quota of routes [false]',
    },
    {
      name: 'instanceType',
      scope: 'pool',
      type: 'string',
      form: INSTANCE_TYPE,
      description: 't3.medium [the cheapest one with the CPUs and memory that are asked for]',
    },
    { name: 'os', scope: 'pool', type: 'string', enum: ['debian-12', 'ubuntu-24.04'], description: 'Newest image of it [debian-12]' },
    {
      name: 'image',
      scope: 'pool',
      type: 'string',
      form: idOf('ami', 'an image'),
      description: 'Image that you have, with cloud-init and apt',
    },
    { name: 'spot', scope: 'pool', type: 'boolean', description: 'Spare capacity, cheaper, taken back at two minutes notice [false]' },
    { name: 'user', scope: 'pool', type: 'string', form: USER_NAME, description: 'User that is made on the machines [slipway]' },
    {
      name: 'bootTimeoutSeconds',
      scope: 'cluster',
      type: 'integer',
      minimum: 1,
      maximum: 86_400,
      description: 'How long a machine may take until it answers SSH [300]',
    },
  ],
  keyFile: 'aws/id_ed25519',
  hasDisks: true,
  offers: async ({ settings, diskGiB }) => {
    const [{ offersIn }, { regionOf }] = await Promise.all([import('./aws-prices.ts'), import('./aws-clients.ts')]);
    return offersIn({ region: regionOf(settings) ?? '', spot: settings['spot'] === true, diskGiB });
  },
  load: async (options) => (await import('./aws-driver.ts')).createAwsDriver(options),
};
