import type { DriverDescriptor } from '../driver.ts';

export const awsDriver: DriverDescriptor = {
  name: 'aws',
  summary: 'EC2 instances in a network of their own, or in one that you have; costs money',
  settings: [
    {
      name: 'region',
      scope: 'cluster',
      type: 'string',
      pattern: '[a-z]{2}(-[a-z]+)+-\\d',
      description: 'Region, eu-central-1 [AWS_REGION]',
    },
    { name: 'vpc', scope: 'cluster', type: 'string', pattern: 'vpc-[0-9a-f]+', description: 'Network that you have [one is made]' },
    {
      name: 'subnets',
      scope: 'cluster',
      type: 'strings',
      description: 'Subnets of it that nodes may be in, with a way out; needed with vpc',
    },
    {
      name: 'cidr',
      scope: 'cluster',
      type: 'string',
      nodeRange: true,
      pattern: String.raw`\d{1,3}(\.\d{1,3}){3}/16`,
      description: 'Range of the network that is made [10.100.0.0/16]',
    },
    {
      name: 'zones',
      scope: 'cluster',
      type: 'integer',
      description: 'How many availability zones the network that is made has [3, or all]',
    },
    {
      name: 'clientCidrs',
      scope: 'cluster',
      type: 'strings',
      description: 'Who may reach SSH and the API [the address by which AWS sees this computer]',
    },
    { name: 'nodePortCidrs', scope: 'cluster', type: 'strings', description: 'Who may reach node ports [those of clientCidrs]' },
    {
      name: 'instanceType',
      scope: 'pool',
      type: 'string',
      description: 't3.medium [the cheapest one with the CPUs and memory that are asked for]',
    },
    { name: 'os', scope: 'pool', type: 'string', enum: ['debian-12', 'ubuntu-24.04'], description: 'Newest image of it [debian-12]' },
    { name: 'image', scope: 'pool', type: 'string', pattern: 'ami-[0-9a-f]+', description: 'Image that you have, with cloud-init and apt' },
    { name: 'spot', scope: 'pool', type: 'boolean', description: 'Spare capacity, cheaper, taken back at two minutes notice [false]' },
    { name: 'user', scope: 'pool', type: 'string', description: 'User that is made on the machines [slipway]' },
    {
      name: 'bootTimeoutSeconds',
      scope: 'cluster',
      type: 'integer',
      description: 'How long a machine may take until it answers SSH [300]',
    },
  ],
  hasDisks: true,
  offers: async ({ settings, diskGiB }) => {
    const [{ offersIn }, { regionOf }] = await Promise.all([import('./aws-prices.ts'), import('./aws-clients.ts')]);
    return offersIn({ region: regionOf(settings) ?? '', spot: settings['spot'] === true, diskGiB });
  },
  load: async (options) => (await import('./aws-driver.ts')).createAwsDriver(options),
};
