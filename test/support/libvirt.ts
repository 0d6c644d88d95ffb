/** A libvirtd of the suite's own, in its namespaces: networks, machines and daemon are gone with them. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Suite } from './suite.ts';
import { until } from './until.ts';

const NEEDED = ['libvirtd', 'virsh', 'qemu-system-x86_64', 'qemu-img', 'dnsmasq'];

/** Why libvirt cannot run here; for `test(..., { skip })`. */
export const noLibvirt = (): string | false => {
  const missing = NEEDED.filter((name) => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${name}`]).status !== 0);
  return missing.length ? `missing: ${missing.join(', ')}` : false;
};

const QEMU_CONF = `user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
dynamic_ownership = 0
stdio_handler = "file"
seccomp_sandbox = 0
`;

/** Each namespace of a network needs a /sys of its own, in which the control groups of the host stay. */
const SETUP = `set -e
mkdir -p /run/cgroups && mount --rbind /sys/fs/cgroup /run/cgroups
mount -t sysfs sysfs /sys && mount --move /run/cgroups /sys/fs/cgroup
mkdir -p "$1/lib" "$1/log" "$2" && cd "$1/lib" && mkdir -p qemu images network dnsmasq boot
mount --bind "$1/etc" /etc/libvirt && mount --bind "$1/lib" /var/lib/libvirt
mount --bind "$1/log" /var/log/libvirt && mount --bind "$2" /var/cache/libvirt`;

/** Started and answering. Guests inherit its priority: a low one, but where they are what is waited for. To be stopped at the end: a process that waits for it does not end before. */
export const startLibvirt = async (suite: Suite, { nice = 19 } = {}): Promise<{ stop: () => Promise<void> }> => {
  const folder = join(suite.root, 'libvirt');
  mkdirSync(folder, { recursive: true });
  cpSync('/etc/libvirt', join(folder, 'etc'), { recursive: true, filter: (path) => !/qemu\/|storage\/|secrets\//.test(path) });
  writeFileSync(join(folder, 'etc', 'qemu.conf'), QEMU_CONF);
  writeFileSync(join(folder, 'etc', 'libvirtd.conf'), 'auth_unix_rw = "none"\nunix_sock_rw_perms = "0770"\nlog_outputs = "3:stderr"\n');
  // What QEMU can do takes seconds to find out, and stays the same.
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'slipway', 'libvirt');
  const setup = await suite.run(['sh', '-c', SETUP, 'sh', folder, cache]);
  if (setup.code !== 0) throw new Error(`no place for libvirt: ${setup.stderr}`);
  // Its output goes to a file: what it leaves running (dnsmasq, guests) would hold a pipe open.
  const daemon = suite.start(['sh', '-c', `exec nice -n ${nice} libvirtd > ${folder}/libvirtd.log 2>&1`], { timeoutMs: 7_200_000 });
  await until(async () => existsSync('/run/libvirt/libvirt-sock') && (await suite.run(['virsh', 'version'])).code === 0, {
    withinMs: 120_000,
  });
  return {
    stop: async () => {
      daemon.signal('SIGKILL');
      await daemon.ended;
    },
  };
};
