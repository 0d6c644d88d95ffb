import { readFileSync } from 'node:fs';
import { hasProgram } from '../../hosts/local/has-program.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import type { Finding, Requirement } from '../driver.ts';
import { forwardDrops } from './local-network.ts';

const OWN_REQUIREMENTS: readonly Requirement[] = [
  { needs: 'runc', package: 'runc' },
  { needs: 'runsvdir', package: 'runit' },
  { needs: 'svlogd', package: 'runit' },
  { needs: 'ip', package: 'iproute2' },
  { needs: 'nft', package: 'nftables' },
  { needs: 'nsenter', package: 'util-linux' },
  { needs: 'mount', package: 'mount' },
];

/** What keeps nodes from running on this host, or from running well. */
export const localFindings = async (requirements: readonly Requirement[]): Promise<Finding[]> => {
  const findings: Finding[] = [];
  if (process.platform !== 'linux')
    findings.push({
      severity: 'error',
      problem: `Local nodes need Linux, and this is ${process.platform}.`,
      fix: 'slipway up --driver ssh',
    });
  if (process.geteuid?.() !== 0)
    findings.push({ severity: 'error', code: 'NOT_ROOT', problem: 'Only root can make namespaces and networks.', fix: 'sudo slipway up' });
  findings.push(...missingPackages([...OWN_REQUIREMENTS, ...requirements]), ...kernelFindings(), ...(await firewallFindings()));
  return findings;
};

const missingPackages = (requirements: readonly Requirement[]): Finding[] => {
  const missing = requirements.filter(({ needs }) => !hasProgram(needs));
  if (!missing.length) return [];
  const packages = [...new Set(missing.map((requirement) => requirement.package))];
  return [
    {
      severity: 'error',
      code: 'PACKAGES_MISSING',
      problem: `This host lacks ${missing.map(({ needs }) => needs).join(', ')}.`,
      fix: `apt-get install ${packages.join(' ')}`,
      packages,
    },
  ];
};

const kernelFindings = (): Finding[] => {
  const findings: Finding[] = [];
  const instances = Number(readSetting('/proc/sys/fs/inotify/max_user_instances') ?? '8192');
  if (instances < 512)
    findings.push({
      severity: 'warning',
      problem: `fs.inotify.max_user_instances is ${instances}: with many pods, programs fail with "too many open files".`,
      fix: 'sysctl -w fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=1048576',
    });
  if (!readSetting('/proc/filesystems')?.includes('overlay'))
    findings.push({ severity: 'error', problem: 'The kernel has no overlay file system, which containers need.', fix: 'modprobe overlay' });
  return findings;
};

const readSetting = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** Slipway puts an accept before the drop when it makes a bridge; a firewall that is loaded later takes it away again. */
const firewallFindings = async (): Promise<Finding[]> => {
  if (process.geteuid?.() !== 0) return [];
  const chain = await runProcess(['iptables', '-w', '-S', 'FORWARD'], { where: 'this host', check: false });
  if (chain.exitCode !== 0 || !forwardDrops(chain.stdout)) return [];
  const bridges = await runProcess(['ip', '-json', 'link', 'show', 'type', 'bridge'], { where: 'this host', check: false });
  const ours = (JSON.parse(bridges.stdout || '[]') as { ifname?: string }[])
    .map((link) => link.ifname ?? '')
    .filter((name) => name.startsWith('swbr'));
  const blocked = ours.filter((bridge) => !chain.stdout.includes(`-i ${bridge} `));
  return blocked.map((bridge) => ({
    severity: 'error' as const,
    problem: `A firewall drops what this host forwards, packets between nodes on ${bridge} among them.`,
    fix: `iptables -I FORWARD -i ${bridge} -j ACCEPT && iptables -I FORWARD -o ${bridge} -j ACCEPT`,
  }));
};
