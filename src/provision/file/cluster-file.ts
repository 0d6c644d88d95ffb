import { DEFAULT_POOL } from '../spec/node-names.ts';

/** A cluster file that has been read and found right: docs/reference/cluster-file.md says what each key means. */
export interface ClusterFile {
  apiVersion: 'slipway/v1';
  kind: 'Cluster';
  metadata: { name: string };
  spec: {
    version?: string;
    driver?: string;
    drivers?: Record<string, Record<string, unknown>>;
    controlPlane?: { count?: number; dedicated?: boolean; store?: 'sqlite' | 'etcd' };
    pools?: PoolFile[];
    network?: {
      podCidr?: string;
      serviceCidr?: string;
      nodeCidrMaskSize?: number;
      clusterDns?: string;
      clusterDomain?: string;
      nodePortRange?: string;
    };
    addons?: { demo?: boolean; storageClass?: boolean };
    hooks?: { [K in HookName]?: string[] };
    manifests?: string[];
    kubeconfig?: { merge?: boolean; switchContext?: boolean };
  };
}

export interface PoolFile {
  name: string;
  count?: number;
  hosts?: (string | ({ name?: string; host: string } & Record<string, unknown>))[];
  driver?: string;
  roles?: string[];
  cpus?: number;
  memory?: string;
  disk?: string;
  image?: string;
  labels?: Record<string, string>;
  taints?: string[];
  settings?: Record<string, unknown>;
}

export const HOOK_NAMES = ['beforeUp', 'afterUp', 'beforeDown', 'afterDown'] as const;
export type HookName = (typeof HOOK_NAMES)[number];

export const CONTROL_PLANE_ROLE = 'control-plane';

/** Of files that name none. */
export const DEFAULT_DRIVER = 'local';

/** A pool that the file does not name: as a file without pools has it. */
export const poolsOf = (file: ClusterFile): readonly PoolFile[] => file.spec.pools ?? [{ name: DEFAULT_POOL, count: 2 }];

export const driverOf = (file: ClusterFile, pool: PoolFile): string => pool.driver ?? file.spec.driver ?? DEFAULT_DRIVER;

/** Its nodes: one for each host, or as many as are counted. */
export const sizeOf = (pool: PoolFile): number => pool.hosts?.length ?? pool.count ?? 1;

/** The hosts of all pools, each with the key at which it stands. */
export const hostsOf = (file: ClusterFile) =>
  poolsOf(file).flatMap((pool, poolIndex) =>
    (pool.hosts ?? []).map((given, index) => {
      const { name, host, ...settings } = typeof given === 'string' ? { name: undefined, host: given } : given;
      const address = 'address' in settings ? String(settings.address) : undefined;
      return { pool, path: ['spec', 'pools', poolIndex, 'hosts', index], name, host: String(host), address };
    }),
  );
