import { IPV4_ADDRESS } from '../../base/net/ipv4-forms.ts';
import type { DriverDescriptor } from '../driver.ts';
import { NODE_NETWORKS } from '../node-networks.ts';
import { NODE_SUBNET } from '../setting-forms.ts';

export const localDriver: DriverDescriptor = {
  name: 'local',
  summary: 'sandboxes on this computer: Linux, as root, ready in seconds',
  settings: [
    {
      name: 'subnet',
      scope: 'cluster',
      type: 'string',
      nodeRange: { defaults: NODE_NETWORKS },
      form: NODE_SUBNET,
      description: 'Network of the nodes, 10.200.1.0/24 [a free one of 10.89.0.0/16]',
    },
    {
      name: 'address',
      scope: 'node',
      type: 'string',
      form: IPV4_ADDRESS,
      description: 'Address of the node in that network [the lowest free one from .11 on]',
    },
  ],
  load: async (options) => (await import('./local-driver.ts')).createLocalDriver(options),
};
