import type { DriverDescriptor } from '../driver.ts';

export const localDriver: DriverDescriptor = {
  name: 'local',
  summary: 'sandboxes on this computer: Linux, as root, ready in seconds',
  settings: [
    {
      name: 'subnet',
      scope: 'cluster',
      type: 'string',
      nodeRange: true,
      pattern: String.raw`\d{1,3}\.\d{1,3}\.\d{1,3}\.0/24`,
      description: 'Network of the nodes, 10.200.1.0/24 [a free one of 10.89.0.0/16]',
    },
    {
      name: 'address',
      scope: 'node',
      type: 'string',
      description: 'Address of the node in that network [the lowest free one from .11 on]',
    },
  ],
  load: async (options) => (await import('./local-driver.ts')).createLocalDriver(options),
};
