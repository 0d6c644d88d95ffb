import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Overlay } from '../../api/config/agent-config.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { writeAtomically } from '../../hosts/local/local-host.ts';
import { changeKubeconfigFile, type KubeconfigChange, kubeconfigFileToChange } from '../../pki/kubeconfig-file.ts';
import { type ClusterSpec, checkName } from '../spec/cluster-spec.ts';
import { DEFAULT_POOL } from '../spec/node-names.ts';
import { lockCluster } from './cluster-lock.ts';
import { unwritable } from './unwritable.ts';

const STATE_FILE = 'state.json';

/** What this client knows of a cluster: `$SLIPWAY_HOME/clusters/NAME/state.json`, written before anything is made. */
export interface ClusterState {
  version: 2;
  spec: ClusterSpec;
  /**
   *   creating --all steps done--> ready --stop--> stopped --start--> ready      any --down--> deleting --> (no file)
   * A cluster that is found in `creating` or `deleting` was interrupted: `up` goes on, `down` removes what there is.
   */
  phase: 'creating' | 'ready' | 'stopped' | 'deleting';
  /** RFC 3339. */
  createdAt: string;
  /** Of the driver, on this computer. */
  dataDir: string;
  /** Addresses of nodes, once they have one. */
  addresses: Record<string, string>;
  /** RFC 3339: since when the API server was found elsewhere, while not all nodes have told their new addresses. */
  movingSince?: string | undefined;
  /** How pods of different nodes reach each other, where that was found out on the hosts. */
  overlay?: Overlay | undefined;
  /** Of this computer, where `slipway tunnel` listens: set where the API is reached over SSH only. The kubeconfig names it. */
  tunnelPort?: number | undefined;
  /** Of the programs on the nodes; absent where a version before 0.2 made the cluster. */
  programVersion?: string | undefined;
  /** An upgrade that has begun and not ended: it goes on, or is taken back. */
  upgrade?: UpgradeState | undefined;
}

export interface UpgradeState {
  from: string;
  to: string;
  /** RFC 3339. */
  startedAt: string;
  /** Nodes that the upgrade has cordoned, and that are to be uncordoned. */
  cordoned: string[];
}

/** $SLIPWAY_HOME, ~/.slipway by default. */
export const slipwayHome = (env: Readonly<Record<string, string | undefined>> = process.env): string =>
  env['SLIPWAY_HOME'] || join(homedir(), '.slipway');

/** $SLIPWAY_DATA, /var/lib/slipway by default: what drivers that make machines on this computer keep. */
export const slipwayDataDir = (env: Readonly<Record<string, string | undefined>> = process.env): string =>
  env['SLIPWAY_DATA'] || '/var/lib/slipway';

/** Names of the clusters that this client knows, sorted. */
export const clusterNames = async (home = slipwayHome()): Promise<string[]> => {
  const entries = await readdir(join(home, 'clusters'), { withFileTypes: true }).catch(() => []);
  return (
    entries
      // A folder without a state is of an `up` that was killed in its first moment.
      .filter((entry) => entry.isDirectory() && existsSync(join(home, 'clusters', entry.name, STATE_FILE)))
      .map((entry) => entry.name)
      .sort()
  );
};

/** The files of one cluster. All are private to the user (0700, 0600). */
export class ClusterStateFolder {
  readonly name: string;
  readonly path: string;

  constructor(name: string, home = slipwayHome()) {
    checkName(name, 'cluster');
    this.name = name;
    this.path = join(home, 'clusters', name);
  }

  /** Undefined when there is no such cluster. Throws STATE_CORRUPT. */
  async read(): Promise<ClusterState | undefined> {
    const path = join(this.path, STATE_FILE);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new SlipwayError('STATE_CORRUPT', { tried: `read ${path}`, cause: error });
    });
    if (text === undefined) return undefined;
    try {
      const state = fromVersion1(JSON.parse(text) as ClusterState);
      if (state.version !== 2 || state.spec?.name !== this.name || !Array.isArray(state.spec.nodes))
        throw new Error('it is not a state of version 2');
      return state;
    } catch (error) {
      throw new SlipwayError('STATE_CORRUPT', {
        tried: `read ${path}`,
        cause: error as Error,
        advice: [`slipway adopt ${this.name}   # reads it from the machines again`, `slipway down ${this.name} --force`],
      });
    }
  }

  /** The state, or CLUSTER_UNKNOWN with the names that there are. */
  async require(): Promise<ClusterState> {
    const state = await this.read();
    if (state) return state;
    if (await this.isBegun())
      throw new SlipwayError('CLUSTER_UNKNOWN', {
        tried: `use the cluster ${this.name}`,
        cause: `${this.path} has no ${STATE_FILE}`,
        advice: [`slipway adopt ${this.name}   # reads it from the machines again`, `slipway down ${this.name} --force`],
      });
    const names = await clusterNames(join(this.path, '..', '..'));
    throw new SlipwayError('CLUSTER_UNKNOWN', {
      tried: `use the cluster ${this.name}`,
      cause: names.length ? `there are ${names.join(', ')}` : 'no cluster has been made yet',
      advice: names.length ? [`slipway status ${names[0]}`] : [`slipway up ${this.name}`],
    });
  }

  async write(state: ClusterState): Promise<void> {
    await this.writeFile(STATE_FILE, `${JSON.stringify(state, undefined, 2)}\n`);
  }

  /** The state goes last: while there is one, an interrupted removal is gone on with. */
  async remove(): Promise<void> {
    for (const entry of await this.#entries()) if (entry !== STATE_FILE) await rm(join(this.path, entry), { recursive: true, force: true });
    await rm(this.path, { recursive: true, force: true });
  }

  /** Whether anything was written down of it. An `up` that is killed before leaves a folder with a state half written at most. */
  async isBegun(): Promise<boolean> {
    return !(await this.#entries()).every((entry) => entry.startsWith(`${STATE_FILE}.`));
  }

  #entries(): Promise<string[]> {
    return readdir(this.path).catch(() => []);
  }

  readFile(name: string): Promise<string | undefined> {
    return readFile(join(this.path, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  }

  async writeFile(name: string, text: string): Promise<{ changed: boolean }> {
    const path = join(this.path, name);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      return await writeAtomically(path, text, 0o600);
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** The user's own kubeconfig. Throws KUBECONFIG_INVALID. */
  async changeKubeconfig(change: KubeconfigChange): Promise<{ changed: boolean }> {
    return changeKubeconfigFile(await kubeconfigFileToChange(), change);
  }

  async removeFile(name: string): Promise<void> {
    await rm(join(this.path, name), { force: true });
  }

  /** One change at a time: throws STATE_LOCKED with the pid of the other, STATE_UNWRITABLE. */
  lock(): () => void {
    const locks = join(this.path, '..', '..', 'locks');
    try {
      return lockCluster(locks, this.name);
    } catch (error) {
      throw unwritable(locks, error);
    }
  }
}

/** Version 1 knew one driver a cluster, and no pools. */
const fromVersion1 = (state: Omit<ClusterState, 'version'> & { version: number }): ClusterState => {
  if (state.version !== 1 || !Array.isArray(state.spec?.nodes)) return state as ClusterState;
  const { spec } = state;
  const nodes = spec.nodes.map((node) => ({ ...node, pool: DEFAULT_POOL, driver: spec.driver, labels: {}, taints: [] }));
  return { ...state, version: 2, spec: { ...spec, driverSettings: {}, nodes } };
};
