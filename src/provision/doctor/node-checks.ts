import type { Finding } from '../../drivers/driver.ts';
import { AGENT_PORT, API_PORT, NODE_PATHS, PROXY_PORT } from '../spec/node-paths.ts';
import type { NodeFacts } from './node-facts.ts';

/** What a host is, or is to be. */
export interface NodeRole {
  name: string;
  controlPlane: boolean;
  /** False: it is only looked at before it becomes a node, so that no port may be taken at all. */
  isNode: boolean;
  podCidr: string;
  clusterDns: string;
  nodePortRange: readonly [from: number, to: number];
}

/** One thing that goes wrong on hosts. Pure; adding one is adding a line here and a row in its test. */
export type NodeCheck = (facts: NodeFacts, role: NodeRole) => Finding[];

const error = (problem: string, fix: string): Finding[] => [{ severity: 'error', problem, fix }];
const warning = (problem: string, fix: string): Finding[] => [{ severity: 'warning', problem, fix }];
const persist = (name: string, value: number): string =>
  `echo '${name} = ${value}' > /etc/sysctl.d/90-slipway-${name.split('.').at(-1)?.replaceAll('_', '-')}.conf && sysctl --system`;

/** By its file: a name like `node` is anybody's. */
const isOurs = (executable: string | undefined): boolean => executable?.replace(/ \(deleted\)$/, '') === NODE_PATHS.node;

interface Port {
  port: number;
  protocol: 'tcp' | 'udp';
  what: string;
  onControlPlane?: boolean;
}

const PORTS: readonly Port[] = [
  { port: API_PORT, protocol: 'tcp', what: 'the API server', onControlPlane: true },
  { port: 2379, protocol: 'tcp', what: 'etcd', onControlPlane: true },
  { port: 2380, protocol: 'tcp', what: 'etcd', onControlPlane: true },
  { port: AGENT_PORT, protocol: 'tcp', what: 'the node agent' },
  { port: PROXY_PORT, protocol: 'tcp', what: 'the service proxy' },
];

const ports: NodeCheck = (facts, role) =>
  PORTS.filter((wanted) => !wanted.onControlPlane || role.controlPlane).flatMap(({ port, protocol, what }) => {
    const taken = facts.listeners.find((listener) => listener.port === port && listener.protocol === protocol);
    if (!taken || isOurs(taken.executable)) return [];
    // etcd is a program of its own.
    if (role.isNode && what === 'etcd' && taken.program === 'etcd') return [];
    const by = taken.program ? `${taken.program}${taken.executable ? ` (${taken.executable})` : ''}` : 'the kernel';
    return error(
      `Port ${port}/${protocol}, which ${what} needs, is taken by ${by}.`,
      `ss -${protocol[0]}lnp 'sport = :${port}'   # then stop it`,
    );
  });

/** The kernel itself listens for VXLAN: a program there was first. */
const vxlanPort: NodeCheck = ({ listeners }) => {
  const taken = listeners.find((listener) => listener.port === 4789 && listener.protocol === 'udp' && listener.program);
  return taken
    ? error(
        `Port 4789/udp, by which pods of other nodes are reached, is taken by ${taken.program}.`,
        "ss -ulnp 'sport = :4789'   # then stop it",
      )
    : [];
};

const nodePorts: NodeCheck = ({ listeners }, { nodePortRange: [from, to] }) => {
  const taken = listeners.filter(({ port, executable }) => port >= from && port <= to && !isOurs(executable));
  if (!taken.length) return [];
  const named = taken.slice(0, 5).map(({ port, protocol, program }) => `${port}/${protocol} (${program ?? 'the kernel'})`);
  return warning(
    `Ports of the range for NodePort Services (${from}-${to}) are taken: ${named.join(', ')}. A Service that gets such a number hides the program.`,
    `ss -lntup 'sport >= :${from} and sport <= :${to}'`,
  );
};

const inotify: NodeCheck = ({ settings }) => {
  const instances = settings.get('fs.inotify.max_user_instances') ?? 8192;
  const watches = settings.get('fs.inotify.max_user_watches') ?? 1_048_576;
  if (instances >= 512 && watches >= 65_536) return [];
  return warning(
    `fs.inotify.max_user_instances is ${instances} and max_user_watches ${watches}: with many pods, programs fail with "too many open files".`,
    'sysctl -w fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=1048576',
  );
};

const NEEDED_CONTROLLERS = ['cpu', 'memory', 'pids'];

const controllers: NodeCheck = (facts) => {
  if (!facts.controllers.length) return [];
  const missing = NEEDED_CONTROLLERS.filter((name) => !facts.controllers.includes(name));
  if (!missing.length) return [];
  return error(
    `The kernel has these controllers of control groups switched off: ${missing.join(', ')}. Limits of pods would not hold.`,
    missing.includes('memory')
      ? "add 'cgroup_enable=memory cgroup_memory=1' to the kernel's command line (GRUB_CMDLINE_LINUX, or /boot/cmdline.txt), then reboot"
      : "systemctl show -p DefaultControllers; remove 'cgroup_disable=' from the kernel's command line, then reboot",
  );
};

const overlay: NodeCheck = ({ filesystems }) =>
  filesystems.length && !filesystems.includes('overlay')
    ? error(
        'The kernel has no overlay file system, which containers need.',
        'modprobe overlay && echo overlay > /etc/modules-load.d/slipway.conf',
      )
    : [];

const forwarding: NodeCheck = ({ settings }, { isNode }) =>
  isNode && settings.get('net.ipv4.ip_forward') === 0
    ? error('net.ipv4.ip_forward is 0: pods reach nothing beyond their node.', persist('net.ipv4.ip_forward', 1))
    : [];

/** An accept for pods mends it; a drop in another table of nftables it does not. */
const firewall: NodeCheck = ({ forwardRules, dropChains }, { podCidr }) => {
  const drops = /^-P FORWARD DROP$/m.test(forwardRules) || /^-A FORWARD -j (DROP|REJECT)/m.test(forwardRules);
  const accepted = forwardRules.includes(`-s ${podCidr} -j ACCEPT`) && forwardRules.includes(`-d ${podCidr} -j ACCEPT`);
  return [
    ...(drops && !accepted
      ? error(
          'A firewall drops what this host forwards (chain FORWARD of iptables), packets of pods among them.',
          `iptables -I FORWARD -s ${podCidr} -j ACCEPT && iptables -I FORWARD -d ${podCidr} -j ACCEPT`,
        )
      : []),
    ...dropChains.flatMap((chain) =>
      error(
        `A firewall drops what this host forwards (chain ${chain} of nftables), packets of pods among them.`,
        chain.startsWith('inet firewalld')
          ? `firewall-cmd --permanent --zone=trusted --add-source=${podCidr} && firewall-cmd --reload`
          : `nft insert rule ${chain} ip saddr ${podCidr} accept && nft insert rule ${chain} ip daddr ${podCidr} accept`,
      ),
    ),
  ];
};

/** The ptp plugin, which Slipway lays down, needs it not: only a bridge of somebody's own configuration does. */
const bridgeNetfilter: NodeCheck = ({ cniTypes, settings }) =>
  cniTypes.includes('bridge') && settings.get('net.bridge.bridge-nf-call-iptables') !== 1
    ? warning(
        'Pods of this node are on a bridge, and br_netfilter is not in force: a pod does not reach a Service whose pod is on the same node.',
        'modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1',
      )
    : [];

const conntrack: NodeCheck = ({ settings }) => {
  const max = settings.get('net.netfilter.nf_conntrack_max');
  const count = settings.get('net.netfilter.nf_conntrack_count') ?? 0;
  if (max === undefined || max === 0) return [];
  if (count > max * 0.8)
    return error(
      `The table of connections is nearly full (${count} of ${max}): new ones are dropped.`,
      persist('net.netfilter.nf_conntrack_max', max * 4),
    );
  return max < 32_768
    ? warning(
        `net.netfilter.nf_conntrack_max is ${max}: with many connections new ones are dropped.`,
        persist('net.netfilter.nf_conntrack_max', 131_072),
      )
    : [];
};

const swap: NodeCheck = ({ swapKiB }) =>
  swapKiB > 0
    ? warning(
        `${Math.round(swapKiB / 1024)} MiB of swap are on: limits of memory do not hold as pods expect.`,
        "swapoff -a && sed -i '/\\sswap\\s/s/^/#/' /etc/fstab",
      )
    : [];

const MIB = 1024;

const disk: NodeCheck = ({ disks }) => {
  const seen = new Set<string>();
  return disks.flatMap(({ path, sizeKiB, freeKiB, inodesUsed }) => {
    // Folders of one file system are told once.
    const key = `${sizeKiB} ${freeKiB}`;
    if (!(sizeKiB > 0) || seen.has(key)) return [];
    seen.add(key);
    const share = freeKiB / sizeKiB;
    const fix = `du -xhd1 ${path} | sort -h | tail`;
    if (freeKiB < 200 * MIB || share < 0.02)
      return error(`${path} has ${Math.round(freeKiB / MIB)} MiB left of ${Math.round(sizeKiB / MIB)}: writes will fail.`, fix);
    if (inodesUsed !== undefined && inodesUsed >= 95)
      return error(`${path} has used ${inodesUsed} % of its inodes: new files will fail.`, `du --inodes -xd1 ${path} | sort -n | tail`);
    if (share < 0.1) return warning(`${path} is ${Math.round((1 - share) * 100)} % full.`, fix);
    return [];
  });
};

const memory: NodeCheck = ({ memoryAvailableKiB }) =>
  memoryAvailableKiB < 150 * MIB
    ? warning(`Only ${Math.round(memoryAvailableKiB / MIB)} MiB of memory are available.`, 'ps -eo rss,args --sort=-rss | head')
    : [];

const OLDEST_CONTAINERD = [1, 6] as const;

const containerdVersion: NodeCheck = ({ containerd }) => {
  if (!containerd) return [];
  const [major = 0, minor = 0] = containerd.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_CONTAINERD;
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
    ? error(
        `containerd is ${containerd}, and at least ${OLDEST_CONTAINERD.join('.')} is needed.`,
        'apt-get install containerd   # from a newer release, or from backports',
      )
    : [];
};

/** Asked from pods: an address of loopback is the pod's own, and that of the cluster's DNS asks itself in a circle. */
const resolvers: NodeCheck = ({ nameservers, listeners }, { clusterDns }) => {
  if (nameservers.includes(clusterDns))
    return error(
      `/etc/resolv.conf names ${clusterDns}, the cluster's own DNS: names outside the cluster are asked in a circle.`,
      'put the real resolvers into /etc/resolv.conf, then: slipway up',
    );
  if (nameservers.length > 0 && nameservers.every(isLoopback)) {
    const answers = listeners.some(({ port }) => port === 53);
    const fix = 'ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf   # or put the real resolvers there; then: slipway up';
    return answers
      ? warning(`/etc/resolv.conf names only ${nameservers.join(', ')}: pods with dnsPolicy Default find nobody there.`, fix)
      : error(`/etc/resolv.conf names only ${nameservers.join(', ')}, where nothing answers: no name outside the cluster is found.`, fix);
  }
  const wildcard = listeners.find(
    ({ port, address, executable }) => port === 53 && ['0.0.0.0', '*', '::'].includes(address) && !isOurs(executable),
  );
  return wildcard
    ? error(
        `${wildcard.program ?? 'A program'} listens on port 53 of every address: the cluster's DNS cannot listen on ${clusterDns}.`,
        'bind it to one address (dnsmasq: bind-interfaces, unbound: interface:)',
      )
    : [];
};

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

export const NODE_CHECKS: readonly NodeCheck[] = [
  ...[ports, vxlanPort, nodePorts, inotify, controllers, overlay, forwarding, firewall, bridgeNetfilter],
  ...[conntrack, swap, disk, memory, containerdVersion, resolvers],
];
