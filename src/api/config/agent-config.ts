/** On a Node: the version of Slipway that its agent is of. */
export const VERSION_ANNOTATION = 'slipway.local/version';
/** On a Node whose machine took the place of another: since when, RFC 3339. */
export const SINCE_ANNOTATION = 'slipway.local/since';

/** What the agent makes in its node's kernel, and whoever takes a node off a machine removes: its routes by their mark (`ip route show proto 83`), its tunnel. */
export const ROUTE_PROTOCOL = 83;
export const VXLAN_DEVICE = 'slipway.1';

/** How pods of other nodes are reached: by routes of this node on one L2 network, in VXLAN, or by routes that the network itself has in a cloud. */
export type Overlay = 'routes' | 'vxlan' | 'cloud';

/** `/etc/slipway/agent.json` on every node: what the installer tells slipway-agent. Paths are absolute. */
export interface AgentConfig {
  clusterName: string;
  nodeName: string;
  /** Since when this machine is the node, where another was it before: RFC 3339. The other gives way when it comes back. */
  nodeSince?: string;
  /** The node's address on the nodes' network. */
  nodeAddress: string;
  /** API servers, `https://10.1.2.3:6443`; tried in turn. */
  apiServers: string[];
  /** kubeconfig-free client identity: CN=system:node:NAME, O=system:nodes. */
  pki: { caFile: string; clientCertFile: string; clientKeyFile: string; servingCertFile: string; servingKeyFile: string };
  /** The kubelet API. */
  port: number;
  /** Put on the Node when it registers. Taints as `key=value:Effect`. */
  labels: Record<string, string>;
  taints: string[];
  containerRuntimeSocket: string;
  /** Where CNI plugins are, and where the agent writes its own conflist. */
  cniBinDir: string;
  cniConfDir: string;
  clusterDns: string;
  clusterDomain: string;
  serviceCidr: string;
  podCidr: string;
  nodePortRange: [from: number, to: number];
  /** /var/lib/kubelet by default: pod directories, volumes, checkpoints. */
  rootDir: string;
  /** Static pods. */
  manifestDir: string;
  podLogsDir: string;
  pauseImage: string;
  maxPods: number;
  overlay: Overlay;
  /** Resources kept from pods. */
  reserved: { cpu: string; memory: string };
  /** Capacity as the driver gave it, where the node would otherwise read its host's: a sandbox sees all of the host. */
  capacity?: { cpu?: string; memory?: string };
  /** The cgroup (in the agent's own view) below which /kubepods is made. Default `/`. */
  cgroupRoot?: string;
  upstreamDns: string[];
  /** Machines of the cluster are emulated: the API server is waited for five times as long before it is taken for gone. */
  slow?: boolean;
  logLevel?: 'debug' | 'info' | 'warn' | 'error';
}
