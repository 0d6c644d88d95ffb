import type { TextForm } from '../../base/text/text-form.ts';
import type { DriverDescriptor } from '../driver.ts';
import { readSettings } from '../read-settings.ts';
import { NODE_SUBNET, SHA256, USER_NAME } from '../setting-forms.ts';

const PORT = String.raw`(6553[0-5]|655[0-2]\d|65[0-4]\d{2}|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})`;
const PUBLISHED_PORT: TextForm = {
  pattern: `(${PORT}:)?${PORT}`,
  'x-is': 'a port such as "30080", or one of this computer and one of the machine such as "8080:30080"',
};

export const virtualboxDriver: DriverDescriptor = {
  name: 'virtualbox',
  summary: 'virtual machines of VirtualBox on this computer: Linux, macOS or Windows hosts, no root',
  keepsDisks: true,
  settings: [
    {
      name: 'image',
      scope: 'pool',
      type: 'string',
      required: true,
      file: true,
      description: 'Cloud image with cloud-init and an SSH server (raw, vdi, vmdk; qcow2 with qemu-img): a path, or an http(s) URL',
    },
    { name: 'imageSha256', scope: 'pool', type: 'string', form: SHA256, needs: 'image', description: 'Checksum of the image' },
    { name: 'user', scope: 'pool', type: 'string', form: USER_NAME, description: 'User that is made on the machines [slipway]' },
    {
      name: 'subnet',
      scope: 'cluster',
      type: 'string',
      nodeRange: { defaults: ['10.91.0.0/16'] },
      form: NODE_SUBNET,
      description: 'Network of the machines, 10.91.7.0/24 [a free one of 10.91.0.0/16]',
    },
    {
      name: 'publish',
      scope: 'cluster',
      type: 'strings',
      form: PUBLISHED_PORT,
      description: 'Node ports of the first machine that this computer forwards from its loopback: 30080, or 8080:30080',
    },
    {
      name: 'bootTimeoutSeconds',
      scope: 'cluster',
      type: 'integer',
      minimum: 1,
      maximum: 86_400,
      description: 'How long a machine may take until it answers SSH [300]',
    },
  ],
  keyFile: 'virtualbox/id_ed25519',
  hasDisks: true,
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
