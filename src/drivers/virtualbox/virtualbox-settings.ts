import type { DriverDescriptor } from '../driver.ts';
import { readSettings } from '../read-settings.ts';

export const virtualboxDriver: DriverDescriptor = {
  name: 'virtualbox',
  summary: 'virtual machines of VirtualBox on this computer: Linux, macOS or Windows hosts, no root',
  keepsDisks: true,
  settings: [
    {
      name: 'image',
      scope: 'pool',
      type: 'string',
      description: 'Cloud image with cloud-init and an SSH server (raw, vdi, vmdk; qcow2 with qemu-img): a path, or an http(s) URL',
    },
    { name: 'imageSha256', scope: 'pool', type: 'string', pattern: '[0-9a-fA-F]{64}', description: 'Checksum of the image' },
    { name: 'user', scope: 'pool', type: 'string', description: 'User that is made on the machines [slipway]' },
    {
      name: 'subnet',
      scope: 'cluster',
      type: 'string',
      nodeRange: true,
      pattern: String.raw`\d{1,3}\.\d{1,3}\.\d{1,3}\.0/24`,
      description: 'Network of the machines, 10.91.7.0/24 [a free one of 10.91.0.0/16]',
    },
    {
      name: 'publish',
      scope: 'cluster',
      type: 'strings',
      description: 'Node ports of the first machine that this computer forwards from its loopback: 30080, or 8080:30080',
    },
    {
      name: 'bootTimeoutSeconds',
      scope: 'cluster',
      type: 'integer',
      description: 'How long a machine may take until it answers SSH [300]',
    },
  ],
  load: async (options) => (await import('./virtualbox-driver.ts')).createVirtualBoxDriver(options),
};

/** The settings of a machine, checked. */
export interface VirtualBoxSettings {
  image?: string | undefined;
  imageSha256?: string | undefined;
  user: string;
  subnet?: string | undefined;
  publish: readonly string[];
  bootTimeoutSeconds: number;
}

/** Throws CONFIG_INVALID. */
export const virtualboxSettings = (settings: Readonly<Record<string, unknown>>): VirtualBoxSettings => ({
  user: 'slipway',
  publish: [],
  bootTimeoutSeconds: 300,
  ...readSettings(virtualboxDriver, settings),
});
