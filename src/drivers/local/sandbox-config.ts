import { readFileSync } from 'node:fs';

/** What one node's sandbox is made from. Folders and files are given as `inside -> outside` pairs. */
export interface SandboxOptions {
  hostname: string;
  /** A bind of the host's root: runc cannot take `/` itself. */
  rootfs: string;
  init: string;
  /** `/slipway/demo/demo-1`. */
  cgroupsPath: string;
  privateFolders: Readonly<Record<string, string>>;
  privateFiles: Readonly<Record<string, string>>;
  /** Real file systems of the host below its root (`/home` on a partition of its own): a bind of `/` does not carry them. */
  hostMounts: readonly string[];
  capabilities: readonly string[];
  maxOpenFiles: number;
  memoryBytes?: number;
  cpus?: number;
}

/** The node's config.json, in the form of the OCI runtime specification 1.0. */
export const sandboxConfig = (options: SandboxOptions): object => ({
  ociVersion: '1.0.2',
  process: {
    terminal: false,
    user: { uid: 0, gid: 0 },
    args: ['/bin/sh', '-c', options.init],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8'],
    cwd: '/',
    capabilities: Object.fromEntries(['bounding', 'effective', 'permitted', 'inheritable'].map((set) => [set, options.capabilities])),
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: options.maxOpenFiles, soft: options.maxOpenFiles }],
    noNewPrivileges: false,
  },
  root: { path: options.rootfs, readonly: false },
  hostname: options.hostname,
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    ...options.hostMounts.map((path) => ({ destination: path, type: 'bind', source: path, options: ['bind', 'rw'] })),
    { destination: '/dev', type: 'bind', source: '/dev', options: ['rbind', 'rw', 'rslave'] },
    { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'nodev', 'mode=1777'] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'rw'] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'rw'] },
    { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=755'] },
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] },
    ...Object.entries({ ...options.privateFolders, ...options.privateFiles }).map(([inside, outside]) => ({
      destination: inside,
      type: 'bind',
      source: outside,
      options: ['rbind', 'rw', 'rprivate'],
    })),
  ],
  linux: {
    namespaces: ['pid', 'mount', 'uts', 'ipc', 'network', 'cgroup'].map((type) => ({ type })),
    cgroupsPath: options.cgroupsPath,
    rootfsPropagation: 'private',
    resources: {
      devices: [{ allow: true, access: 'rwm' }],
      ...(options.memoryBytes ? { memory: { limit: options.memoryBytes } } : {}),
      ...(options.cpus ? { cpu: { period: 100_000, quota: Math.round(options.cpus * 100_000) } } : {}),
    },
  },
});

/** Names of the capabilities that this process has: a sandbox cannot be given more. */
export const ownCapabilities = (status = readFileSync('/proc/self/status', 'utf8')): string[] => {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return CAPABILITIES.filter((_, bit) => (mask >> BigInt(bit)) & 1n).map((name) => `CAP_${name}`);
};

/** The hard limit of this process on open files. */
export const ownOpenFilesLimit = (limits = readFileSync('/proc/self/limits', 'utf8')): number => {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === undefined || hard === 'unlimited' ? 1_048_576 : Number(hard);
};

/** Mount points of the host that hold real files and are not its root: partitions, and volumes of a container that we run in. */
export const realMountsBelowRoot = (mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): string[] => {
  const points = mountinfo
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      return { point: decodeOctal(before.split(' ')[4] ?? ''), type: after.split(' ')[0] ?? '' };
    })
    .filter(({ point, type }) => REAL_TYPES.has(type) && !/^\/(proc|sys|dev|run|tmp)(\/|$)|^\/$/.test(point))
    .filter(({ point }) => PARTITIONS.test(point))
    .map(({ point }) => point);
  return [...new Set(points)].sort();
};

const decodeOctal = (text: string): string => text.replaceAll(/\\(\d{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));

const REAL_TYPES = new Set(['ext4', 'ext3', 'ext2', 'xfs', 'btrfs', 'zfs', 'f2fs', 'overlay', '9p', 'virtiofs', 'nfs', 'nfs4']);

/** Folders that programs and users' files lie in; snaps, container layers and removable media stay out. */
const PARTITIONS = /^\/(usr|usr\/local|opt|var|var\/lib|home|root|srv|mnt|data|etc)$/;

/** Bit numbers as in linux/capability.h. */
const CAPABILITIES = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN',
  'NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME',
  'SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON',
  'BPF CHECKPOINT_RESTORE',
]
  .join(' ')
  .split(' ');
