import type { DriverDescriptor } from '../driver.ts';
import { NODE_NETWORKS } from '../node-networks.ts';
import { readSettings } from '../read-settings.ts';
import { ABSOLUTE_PATH, NODE_SUBNET, PLAIN_NAME, SHA256, USER_NAME } from '../setting-forms.ts';

export const kvmDriver: DriverDescriptor = {
  name: 'kvm',
  summary: 'virtual machines of libvirt and QEMU on this computer: KVM, or slow emulation without it',
  keepsDisks: true,
  settings: [
    { name: 'uri', scope: 'cluster', type: 'string', description: "libvirt's address [LIBVIRT_DEFAULT_URI, then qemu:///system]" },
    {
      name: 'subnet',
      scope: 'cluster',
      type: 'string',
      nodeRange: { defaults: NODE_NETWORKS },
      form: NODE_SUBNET,
      description: 'Network of the nodes, 10.200.1.0/24 [a free one of 10.89.0.0/16]',
    },
    {
      name: 'networkMode',
      scope: 'cluster',
      type: 'string',
      enum: ['nat', 'open'],
      description: 'nat hides the nodes behind this host; open adds no firewall rules of libvirt [nat]',
    },
    { name: 'pool', scope: 'cluster', type: 'string', form: PLAIN_NAME, description: 'Storage pool for disks [slipway]' },
    {
      name: 'poolFolder',
      scope: 'cluster',
      type: 'string',
      form: ABSOLUTE_PATH,
      description: 'Folder of the pool, where it has to be made [/var/lib/libvirt/images/slipway]',
    },
    {
      name: 'accel',
      scope: 'pool',
      type: 'string',
      enum: ['auto', 'kvm', 'tcg'],
      description: 'KVM, or emulation [auto: KVM where it works]',
    },
    {
      name: 'emulatedCpu',
      scope: 'pool',
      type: 'string',
      form: PLAIN_NAME,
      description: 'CPU model of emulated machines; maximum for distributions that want a newer one, such as RHEL 10 [Westmere]',
    },
    {
      name: 'image',
      scope: 'pool',
      type: 'string',
      required: true,
      file: true,
      description: 'Cloud image (qcow2 or raw): a path, or an http(s) URL',
    },
    { name: 'imageSha256', scope: 'pool', type: 'string', form: SHA256, needs: 'image', description: 'Checksum of the image' },
    {
      name: 'kernel',
      scope: 'pool',
      type: 'string',
      form: ABSOLUTE_PATH,
      file: true,
      description: 'Kernel to boot, where the image has no boot loader',
    },
    { name: 'initrd', scope: 'pool', type: 'string', form: ABSOLUTE_PATH, file: true, needs: 'kernel', description: 'Its initrd' },
    {
      name: 'kernelArguments',
      scope: 'pool',
      type: 'string',
      needs: 'kernel',
      description: 'Its command line [root=/dev/vda rw console=ttyS0]',
    },
    {
      name: 'user',
      scope: 'pool',
      type: 'string',
      form: USER_NAME,
      description: 'Account that is made for Slipway [slipway]',
    },
    {
      name: 'diskCache',
      scope: 'pool',
      type: 'string',
      enum: ['none', 'writeback', 'unsafe'],
      description: 'How the host caches disks; unsafe loses data in a power failure [writeback]',
    },
    {
      name: 'bootTimeoutSeconds',
      scope: 'pool',
      type: 'integer',
      minimum: 1,
      maximum: 86_400,
      description: 'Seconds until a machine must answer [180; 900 when emulated]',
    },
    {
      name: 'stopTimeoutSeconds',
      scope: 'pool',
      type: 'integer',
      minimum: 1,
      maximum: 86_400,
      description: 'Seconds for a machine to shut down before it is cut off [90]',
    },
  ],
  keyFile: 'ssh/id_ed25519',
  hasDisks: true,
  load: async (options) => (await import('./kvm-driver.ts')).createKvmDriver(options),
};

/** The settings of a machine, checked. */
export interface KvmSettings {
  uri: string;
  subnet?: string | undefined;
  networkMode: 'nat' | 'open';
  pool: string;
  poolFolder: string;
  accel: 'auto' | 'kvm' | 'tcg';
  emulatedCpu: string;
  image?: string | undefined;
  imageSha256?: string | undefined;
  kernel?: string | undefined;
  initrd?: string | undefined;
  kernelArguments?: string | undefined;
  user: string;
  diskCache: 'none' | 'writeback' | 'unsafe';
  bootTimeoutSeconds?: number | undefined;
  stopTimeoutSeconds: number;
}

export const DEFAULT_POOL = 'slipway';

/** Throws CONFIG_INVALID. */
export const kvmSettings = (settings: Readonly<Record<string, unknown>>): KvmSettings => {
  const read = readSettings(kvmDriver, settings);
  return {
    networkMode: 'nat',
    pool: DEFAULT_POOL,
    poolFolder: '/var/lib/libvirt/images/slipway',
    accel: 'auto',
    // x86-64-v2 with AES and without AVX: programs that find AVX use it, and emulated it takes about twice as long as what they use without
    // (docs/BENCHMARKS.md).
    emulatedCpu: 'Westmere',
    user: 'slipway',
    diskCache: 'writeback',
    stopTimeoutSeconds: 90,
    uri: process.env['LIBVIRT_DEFAULT_URI'] ?? 'qemu:///system',
    ...read,
  } as KvmSettings;
};
