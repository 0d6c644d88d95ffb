import type { Requirement } from '../../drivers/driver.ts';

/** Where things are on every node, whatever made it. */
export const NODE_PATHS = {
  programs: '/usr/local/lib/slipway',
  node: '/usr/local/lib/slipway/node',
  server: '/usr/local/lib/slipway/slipway-server.js',
  agent: '/usr/local/lib/slipway/slipway-agent.js',
  config: '/etc/slipway',
  pki: '/etc/slipway/pki',
  manifests: '/etc/slipway/manifests',
  data: '/var/lib/slipway',
  containerdConfig: '/etc/slipway/containerd.toml',
  containerdData: '/var/lib/containerd',
  containerdState: '/run/containerd',
  containerdSocket: '/run/containerd/containerd.sock',
  cniBin: '/usr/lib/cni',
  cniConfig: '/etc/cni/net.d',
  kubelet: '/var/lib/kubelet',
  podLogs: '/var/log/pods',
} as const;

/** Names of the services on nodes. */
export const SERVICES = { containerd: 'slipway-containerd', server: 'slipway-server', agent: 'slipway-agent' } as const;

/** What every node needs, from Debian's packages. */
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

export const API_PORT = 6443;
export const AGENT_PORT = 10250;
