/** `/etc/slipway/server.json` on a control-plane node: what the installer tells slipway-server. Paths are absolute. */
export interface ServerConfig {
  clusterName: string;
  /** Name of the node it runs on; also its identity among several. */
  nodeName: string;
  /** Which parts this process runs. */
  components: ('apiserver' | 'scheduler' | 'controllers')[];
  /** Where the API is served; `advertiseAddress` is what goes into the endpoints of the `kubernetes` Service. */
  bindAddress: string;
  securePort: number;
  advertiseAddress: string;
  /** The address in `kubernetes` Service is the first of the range; cluster DNS is the tenth. */
  serviceCidr: string;
  /** Node pod ranges are cut from it, `nodeCidrMaskSize` bits each. */
  podCidr: string;
  nodeCidrMaskSize: number;
  nodePortRange: [from: number, to: number];
  clusterDomain: string;
  store:
    | { kind: 'sqlite'; path: string }
    | { kind: 'memory' }
    | { kind: 'etcd'; endpoints: string[]; caFile: string; certFile: string; keyFile: string };
  pki: {
    /** Trusted for client certificates; also handed to pods as kube-root-ca.crt. Two authorities while one takes over from the other. */
    caFile: string;
    /** Signs node certificates and CSRs, with the authority of `caFile` that it belongs to. */
    caKeyFile: string;
    certFile: string;
    keyFile: string;
    /** Service-account tokens: private key to sign; its public half verifies, and so do public keys that follow it. */
    serviceAccountKeyFile: string;
    serviceAccountIssuer: string;
    /** Client certificate that the API server shows to agents (CN=kube-apiserver-kubelet-client, O=system:masters is NOT used). */
    kubeletClientCertFile: string;
    kubeletClientKeyFile: string;
  };
  /** For `components` without apiserver: how to reach one. */
  kubeconfigFile?: string;
  /** The longest life of certificates that the control plane signs, its own among them. Default a year. */
  certificateSeconds?: number;
  /** Defaults 40 s and 300 s upstream; ours are lower, see targets. Seconds. */
  nodeMonitorGraceSeconds?: number;
  podEvictionSeconds?: number;
  /** Admission plugins that are switched off, by name: `PodSecurity`. */
  disableAdmissionPlugins?: string[];
  /** Where machines are of a cloud: its balancers and its word on nodes are used, with the rights of this machine. */
  cloud?: CloudConfig;
  logLevel?: 'debug' | 'info' | 'warn' | 'error';
}

export interface CloudConfig {
  provider: 'aws';
  region: string;
  /** Another address of its API than the public one. */
  endpoint?: string | undefined;
  /** Pods are reached by routes of the cloud's network, which the controllers keep. */
  podRoutes?: boolean | undefined;
}
