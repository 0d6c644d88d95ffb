import type { Host } from '../../hosts/host.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';

/** What a host says of itself, read in one go. A part that its tools cannot tell is absent, and then nothing is concluded from it. */
export interface NodeFacts {
  /** Its clock minus ours, and how far off that may be: half of the time that asking took. */
  clockOffsetMs: number;
  clockErrorMs: number;
  kernel: string;
  /** Controllers of control groups that are switched on, of v1 and v2. */
  controllers: readonly string[];
  filesystems: readonly string[];
  /** `/proc/sys` values by dotted name. */
  settings: ReadonlyMap<string, number>;
  swapKiB: number;
  memoryAvailableKiB: number;
  disks: readonly Disk[];
  listeners: readonly Listener[];
  nameservers: readonly string[];
  /** `iptables -S FORWARD`. */
  forwardRules: string;
  /** Base chains of nftables that drop what they forward: `inet filter forward`. */
  dropChains: readonly string[];
  /** `1.6.20`; absent without containerd. */
  containerd: string | undefined;
  /** Types of CNI plugins in the configurations that are there. */
  cniTypes: readonly string[];
}

export interface Disk {
  path: string;
  sizeKiB: number;
  freeKiB: number;
  /** Percent. */
  inodesUsed: number | undefined;
}

export interface Listener {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
  /** Name and file of the program; absent where the kernel itself listens. */
  program: string | undefined;
  executable: string | undefined;
}

const SETTINGS = [
  'fs.inotify.max_user_instances',
  'fs.inotify.max_user_watches',
  'net.ipv4.ip_forward',
  'net.bridge.bridge-nf-call-iptables',
  'net.netfilter.nf_conntrack_max',
  'net.netfilter.nf_conntrack_count',
];

const DATA_PATHS = [NODE_PATHS.data, NODE_PATHS.containerdData, NODE_PATHS.podLogs, '/tmp'];
const TIMEOUT_MS = 15_000;

/** POSIX sh, and no tool that may be absent is required. Programs are looked up by their process, as a name alone says little. */
const SCRIPT = `PATH=$PATH:/usr/sbin:/sbin
section() { printf '== %s\\n' "$1"; }
section clock; date +%s%N
section kernel; uname -r
section controllers; cat /sys/fs/cgroup/cgroup.controllers 2>/dev/null | tr ' ' '\\n'; awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups 2>/dev/null
section filesystems; awk '{ print $NF }' /proc/filesystems
section settings; for name in ${SETTINGS.join(' ')}; do
  at=/proc/sys/$(echo $name | sed 's/\\./\\//g'); [ -r $at ] && echo "$name $(cat $at)"; done
section swap; awk 'NR > 1 { print $3 }' /proc/swaps 2>/dev/null
section memory; awk '/^MemAvailable/ { print $2 }' /proc/meminfo
section disks; for at in ${DATA_PATHS.join(' ')}; do [ -d $at ] || continue
  echo "$at $(df -Pk $at 2>/dev/null | awk 'NR == 2 { print $2, $4 }') $(df -Pi $at 2>/dev/null | awk 'NR == 2 { print $5 }')"; done
section listeners; ss -H -lntup 2>/dev/null
section executables; ss -H -lntup 2>/dev/null | grep -o 'pid=[0-9]*' | sort -u | cut -d= -f2 | while read -r pid; do
  echo "$pid $(readlink /proc/$pid/exe 2>/dev/null)"; done
section nameservers; awk '$1 == "nameserver" { print $2 }' /etc/resolv.conf 2>/dev/null
section forward; iptables -w -S FORWARD 2>/dev/null
section chains; nft list chains 2>/dev/null
section containerd; containerd --version 2>/dev/null
section cni; cat ${NODE_PATHS.cniConfig}/*.conflist ${NODE_PATHS.cniConfig}/*.conf 2>/dev/null | grep -o '"type"[ ]*:[ ]*"[a-z0-9-]*"' | cut -d'"' -f4
exit 0`;

/** Throws COMMAND_FAILED, HOST_UNREACHABLE. */
export const readNodeFacts = async (host: Host, now: () => number = Date.now): Promise<NodeFacts> => {
  const before = now();
  const { stdout } = await host.run(['sh', '-c', SCRIPT], { timeoutMs: TIMEOUT_MS, readOnly: true });
  return parseNodeFacts(stdout, { before, after: now() });
};

export const parseNodeFacts = (text: string, asked: { before: number; after: number }): NodeFacts => {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('== ')) {
      current = [];
      sections.set(line.slice(3), current);
    } else if (line.trim()) current.push(line.trim());
  }
  const lines = (name: string): string[] => sections.get(name) ?? [];
  const words = (name: string): string[][] => lines(name).map((line) => line.split(/\s+/));
  // The clock is the first thing that the script reads.
  const clockMs = Number(lines('clock')[0]?.slice(0, -6));
  const executables = new Map(words('executables').map(([pid = '', path = '']) => [pid, path]));
  return {
    clockOffsetMs: Number.isFinite(clockMs) ? clockMs - (asked.before + asked.after) / 2 : 0,
    clockErrorMs: (asked.after - asked.before) / 2,
    kernel: lines('kernel')[0] ?? '',
    controllers: [...new Set(lines('controllers'))],
    filesystems: lines('filesystems'),
    settings: new Map(words('settings').map(([name = '', value]) => [name, Number(value)])),
    swapKiB: lines('swap').reduce((sum, line) => sum + Number(line), 0),
    memoryAvailableKiB: Number(lines('memory')[0] ?? Number.NaN),
    disks: words('disks').map(([path = '', size, free, inodes]) => ({
      path,
      sizeKiB: Number(size),
      freeKiB: Number(free),
      inodesUsed: inodes?.endsWith('%') ? Number(inodes.slice(0, -1)) : undefined,
    })),
    listeners: lines('listeners').flatMap((line) => listenerIn(line, executables)),
    nameservers: lines('nameservers'),
    forwardRules: lines('forward').join('\n'),
    dropChains: dropChainsIn(lines('chains')),
    containerd: /\b(\d+\.\d+\.\d+)/.exec(lines('containerd')[0] ?? '')?.[1],
    cniTypes: [...new Set(lines('cni'))],
  };
};

/** `tcp LISTEN 0 511 0.0.0.0:6443 0.0.0.0:* users:(("node",pid=7,fd=21))`. */
const listenerIn = (line: string, executables: ReadonlyMap<string, string>): Listener[] => {
  const [protocol, , , , local = ''] = line.split(/\s+/);
  const port = Number(local.slice(local.lastIndexOf(':') + 1));
  if ((protocol !== 'tcp' && protocol !== 'udp') || !Number.isInteger(port)) return [];
  const [, program, pid = ''] = /users:\(\("([^"]*)",pid=(\d+)/.exec(line) ?? [];
  const address = local.slice(0, local.lastIndexOf(':')).replace(/^\[|\]$|%.*$/g, '');
  return [{ protocol, address, port, program, executable: executables.get(pid) }];
};

/** Base chains at the forward hook whose policy is to drop; iptables' own are read from iptables. */
const dropChainsIn = (lines: readonly string[]): string[] => {
  const found: string[] = [];
  let table = '';
  let chain = '';
  for (const line of lines) {
    table = /^table (.*) \{/.exec(line)?.[1] ?? table;
    chain = /^chain (\S+) \{/.exec(line)?.[1] ?? chain;
    if (/hook forward .*policy drop/.test(line) && !/^ip6? filter$/.test(table)) found.push(`${table} ${chain}`);
  }
  return found;
};
