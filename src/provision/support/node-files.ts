import type { Host } from '../../hosts/host.ts';
import type { ClusterDrivers } from '../cluster-drivers.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import { attempt, type Collected, newest } from './bundle-file.ts';

const LOG_LINES = 3000;
const COMMAND_TIMEOUT_MS = 15_000;
const CTR = `ctr --address ${NODE_PATHS.containerdSocket} --namespace k8s.io --timeout 10s`;

/** One file a command. Nothing of it changes the node; a program that is absent says so in its file. Command lines of processes may bear secrets: names only. */
const COMMANDS: Readonly<Record<string, string>> = {
  'system.txt': 'uname -a; cat /etc/os-release; uptime; cat /proc/cmdline; date -u',
  'memory-and-disks.txt': 'cat /proc/meminfo; cat /proc/swaps; df -h; df -i; cat /proc/loadavg',
  'processes.txt': 'ps -eo pid,ppid,user,stat,etime,time,rss,comm --sort=-rss | head -200',
  'mounts.txt': 'cat /proc/self/mounts',
  'control-groups.txt': 'cat /proc/cgroups; cat /sys/fs/cgroup/cgroup.controllers; cat /proc/1/cgroup',
  'settings.txt':
    'sysctl net.ipv4.ip_forward net.ipv4.conf.all.rp_filter fs.inotify fs.file-nr net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max kernel.pid_max vm.overcommit_memory',
  'addresses.txt': 'ip -d address; ip route show table all; ip rule; ip neighbour; bridge fdb',
  'sockets.txt': 'ss -s; ss -lntup',
  'firewall.txt': 'nft list ruleset; iptables-save',
  'dns.txt': 'cat /etc/resolv.conf; cat /etc/hosts',
  'network-configuration.txt': `head -c 20000 ${NODE_PATHS.cniConfig}/*`,
  'configuration.txt': `cat ${NODE_PATHS.config}/*.json ${NODE_PATHS.containerdConfig}; ls -l ${NODE_PATHS.config} ${NODE_PATHS.pki} ${NODE_PATHS.manifests}`,
  'containers.txt': `${CTR} containers list; ${CTR} tasks list; ${CTR} images list; crictl ps -a`,
  'programs.txt': `ls -l ${NODE_PATHS.programs}; ${NODE_PATHS.node} --version; containerd --version; runc --version; nft --version; ls ${NODE_PATHS.cniBin}`,
  'kernel-log.txt': 'dmesg -T 2> /dev/null | tail -1000',
};

/** The nodes side by side: logs of their services, kernel, network, containers. A node that is away is noted. */
export const nodeFiles = async (nodes: readonly NodeSpec[], drivers: ClusterDrivers, signal: AbortSignal): Promise<Collected> => {
  const collected: Collected = { files: [], missing: [] };
  await Promise.all(
    nodes.map((node) =>
      attempt(collected, `node ${node.name}`, async () => {
        const machine = await drivers.describe(node);
        if (machine?.state !== 'running') throw new Error(`its machine is ${machine?.state ?? 'absent'}`);
        const host = await (await drivers.of(node)).connect(machine);
        try {
          await filesOf(host, { folder: `nodes/${node.name}`, collected, signal });
          return [];
        } finally {
          await host.close();
        }
      }),
    ),
  );
  return collected;
};

const filesOf = async (
  host: Host,
  { folder, collected, signal }: { folder: string; collected: Collected; signal: AbortSignal },
): Promise<void> => {
  const options = { check: false, timeoutMs: COMMAND_TIMEOUT_MS, signal };
  // A few at a time: a host that is in trouble is not made worse, and SSH has eight channels.
  const work = [
    ...Object.entries(COMMANDS).map(
      ([name, script]) =>
        () =>
          attempt(collected, `${folder}/${name}`, async () => {
            const { stdout, stderr } = await host.run(['sh', '-c', `PATH=$PATH:/usr/sbin:/sbin; ${script}`], options);
            return { path: `${folder}/${name}`, content: newest(stdout + (stderr && `\n--- stderr\n${stderr}`)) };
          }),
    ),
    ...Object.values(SERVICES).map(
      (service) => () =>
        attempt(collected, `${folder}/logs/${service}`, async () => {
          const [status, lines] = await Promise.all([host.services.status(service), host.services.logLines(service, LOG_LINES)]);
          return { path: `${folder}/logs/${service}.log`, content: newest(`status: ${status}\n${lines.join('\n')}\n`) };
        }),
    ),
  ];
  const workers = Array.from({ length: 4 }, async () => {
    for (let next = work.shift(); next && !signal.aborted; next = work.shift()) await next();
  });
  await Promise.all(workers);
};
