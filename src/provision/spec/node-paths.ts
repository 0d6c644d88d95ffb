import type { Requirement } from '../../drivers/driver.ts';
import type { HostFacts } from '../../hosts/facts/host-facts.ts';

/** Where things are on every node, whatever made it. */
export const NODE_PATHS = {
  programs: '/usr/local/lib/slipway',
  node: '/usr/local/lib/slipway/node',
  server: '/usr/local/lib/slipway/slipway-server.js',
  agent: '/usr/local/lib/slipway/slipway-agent.js',
  /** Of the programs, one line. */
  version: '/usr/local/lib/slipway/version',
  config: '/etc/slipway',
  pki: '/etc/slipway/pki',
  manifests: '/etc/slipway/manifests',
  data: '/var/lib/slipway',
  containerdConfig: '/etc/slipway/containerd.toml',
  // Of its own: a host may have a containerd that somebody else uses, and the distribution's package starts one.
  containerdData: '/var/lib/slipway/containerd',
  containerdState: '/run/slipway/containerd',
  containerdSocket: '/run/slipway/containerd/containerd.sock',
  cniBin: '/usr/lib/cni',
  cniConfig: '/etc/cni/net.d',
  kubelet: '/var/lib/kubelet',
  podLogs: '/var/log/pods',
} as const;

/** Names of the services on nodes. */
export const SERVICES = { containerd: 'slipway-containerd', server: 'slipway-server', agent: 'slipway-agent' } as const;

/** What every node needs; packages by their names in Debian. */
export const NODE_REQUIREMENTS: readonly Requirement[] = [
  { needs: 'containerd', package: 'containerd' },
  { needs: 'containerd-shim-runc-v2', package: 'containerd' },
  { needs: 'runc', package: 'runc' },
  { needs: `${NODE_PATHS.cniBin}/ptp`, package: 'containernetworking-plugins' },
  { needs: `${NODE_PATHS.cniBin}/portmap`, package: 'containernetworking-plugins' },
  { needs: 'iptables', package: 'iptables' }, // portmap's hostPorts
  { needs: 'nft', package: 'nftables' },
  { needs: 'conntrack', package: 'conntrack' },
  { needs: 'ip', package: 'iproute2' },
];

/** Packages that a host lacks, as Debian names them. CNI plugins lie in another folder on other distributions. */
export const missingPackages = (facts: Pick<HostFacts, 'tools' | 'cniFolders'>): string[] => [
  ...new Set(
    NODE_REQUIREMENTS.filter(({ needs }) => (needs.startsWith('/') ? facts.cniFolders.length === 0 : !facts.tools.has(needs))).map(
      (requirement) => requirement.package,
    ),
  ),
];

export const API_PORT = 6443;
export const AGENT_PORT = 10250;
/** Where nodes ask each other's Service proxies how far they are. */
export const PROXY_PORT = 10256;
