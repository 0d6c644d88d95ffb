import type { Client } from '../client/client.ts';

/** A control plane, or a whole cluster, that lives as long as a test: `await using cluster = await startCluster()`. */
export interface TestCluster extends AsyncDisposable {
  /** `https://127.0.0.1:40123`. */
  readonly url: string;
  /** As the administrator, for kubectl and for any client library. */
  readonly kubeconfig: string;
  /** The same as a file (0600) that goes with the cluster. */
  readonly kubeconfigPath: string;
  /** Of the authority that signed the API's certificate. */
  readonly caPem: string;
  /** As the administrator. What it answers is read-only: copy before changing. */
  readonly client: Client;
  /** As `fetch`, as the administrator: `await cluster.fetch('/api/v1/pods')`. Bodies stream, so watches and logs can be followed. */
  fetch(path: string, init?: TestFetchInit): Promise<Response>;
  /** Nodes without machines; empty unless `fakeNodes` asked for them. */
  readonly fakeNodes: FakeNodeControl;
  /** Ends everything and removes what it had made. Called again, answers the same. */
  stop(): Promise<void>;
}

export interface TestFetchInit {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
}

export interface FakeNodeControl {
  /** Names of those that are alive. */
  readonly alive: readonly string[];
  /** Power failure: it renews its lease no more, and its pods stay as they are. */
  kill(name: string): void;
  /** It comes back, with what it had. */
  revive(name: string): Promise<void>;
}

export interface StartClusterOptions {
  /** What runs beside the API server. Default both. */
  components?: readonly ('scheduler' | 'controllers')[];
  /** `sqlite` writes to a temporary folder, as durable as the real one. Default memory. */
  store?: 'memory' | 'sqlite';
  admission?: {
    /** By name: `PodSecurity`. Others than those that there are throw. */
    disabled?: readonly string[];
  };
  /**
   * Nodes without machines, for tests of controllers, operators and schedulers: pods that are bound to them run at once and become ready, without
   * a container. A pod with the annotation `testing.slipway/ends: Succeeded` (or Failed) ends so.
   */
  fakeNodes?: number | FakeNodesOptions;
  /**
   * Nodes with real containers: a whole cluster as `slipway up` makes it with the local driver, in the namespaces of the caller. Needs root and the
   * packages that `slipway doctor` names. Leaves no room for the other options, but `images`.
   */
  nodes?: number;
  /** With `nodes`: image archives (docker-archive or OCI, plain or gzipped) to load into every node. */
  images?: readonly string[];
  /** How quickly nodes that died are seen. Default 40 and 300 s. */
  nodeMonitorGraceSeconds?: number;
  podEvictionSeconds?: number;
  /** To stderr. Default error. */
  logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

export interface FakeNodesOptions {
  count: number;
  /** Of each. Default 8 CPUs, 32Gi, 110 pods. */
  capacity?: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>>;
}
