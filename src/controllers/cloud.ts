/**
 * What a cloud does for a cluster that runs on its machines. A driver that has one implements it (`src/drivers/aws`), the server's composition
 * root hands it to the controllers, and these know no more of a cloud than what is here.
 */
export interface CloudProvider {
  /** The scheme of its providerIDs: `aws`. */
  readonly name: string;
  /**
   * The machine behind a node, found by `providerId` where the node has one, else by its name. Undefined when it is gone for certain;
   * rejects when the cloud cannot tell.
   */
  instance(node: { name: string; providerId?: string | undefined }): Promise<CloudInstance | undefined>;
  /**
   * Makes the balancer, or brings it to what is wanted; run twice, the second changes nothing. Resolves, perhaps before it carries traffic,
   * with where it is reached.
   */
  ensureBalancer(wanted: BalancerSpec): Promise<BalancerAddress[]>;
  /** What is gone is no error. Resolves when nothing of it is left that costs money or holds an address. */
  removeBalancer(id: string): Promise<void>;
  /** Where the cloud's network itself carries packets of pods. Undefined where they travel otherwise. */
  readonly routes?: CloudRoutes | undefined;
}

/** The table of the nodes' network, as far as it leads to ranges of pods. */
export interface CloudRoutes {
  /** Those that lead into `podCidr`, the cluster's. */
  list(podCidr: string): Promise<CloudRoute[]>;
  /** Leads the range to the machine, wherever it has led until now; the network lets in what comes from pods. */
  ensure(route: CloudRoute, cluster: { podCidr: string }): Promise<void>;
  /** What is gone is no error. */
  remove(range: string): Promise<void>;
}

export interface CloudRoute {
  /** `10.244.3.0/24` */
  range: string;
  /** What a providerID ends with: `i-0123456789abcdef0`. Empty where it leads to something else. */
  machine: string;
}

export interface CloudInstance {
  /** `aws:///eu-central-1a/i-0123456789abcdef0` */
  providerId: string;
  /** `t3.small`: the label node.kubernetes.io/instance-type. */
  type?: string | undefined;
  zone?: string | undefined;
  region?: string | undefined;
  addresses: { type: 'InternalIP' | 'ExternalIP' | 'InternalDNS' | 'ExternalDNS'; address: string }[];
  /** A machine that is off keeps its node, which is tainted. */
  running: boolean;
}

export interface BalancerSpec {
  /** At most 32 letters and digits, the same for as long as the Service lives: `a` and its uid. */
  id: string;
  /** `namespace/name`, for tags. */
  service: string;
  /** Of the Service: settings that only this cloud understands. */
  annotations: Readonly<Record<string, string>>;
  ports: { name: string; protocol: 'TCP' | 'UDP'; port: number; nodePort: number }[];
  /** CIDRs that may connect; empty: all. */
  sourceRanges: string[];
  /** How a node says that it takes traffic. */
  healthCheck: { protocol: 'TCP'; port: number } | { protocol: 'HTTP'; port: number; path: string };
  nodes: { name: string; providerId: string }[];
}

export interface BalancerAddress {
  ip?: string;
  hostname?: string;
}
