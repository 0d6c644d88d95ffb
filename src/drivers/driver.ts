import type { ErrorCode } from '../base/errors/catalogue.ts';
import type { Host } from '../hosts/host.ts';

/**
 * Makes machines and knows nothing of Kubernetes. Every call is idempotent: `create` of what exists describes it, `destroy` of
 * what is gone succeeds. Drivers are listed in drivers/index.ts and loaded when they are used.
 */
export interface Driver {
  readonly name: string;
  /** What this host lacks, each with the command that mends it. Empty when all is well. */
  preflight(): Promise<Finding[]>;
  create(spec: MachineSpec, context: DriverContext): Promise<Machine>;
  /** Undefined when there is no such machine. */
  describe(id: MachineId): Promise<Machine | undefined>;
  /** All machines that carry the cluster's name, also those that no state file knows. */
  list(cluster: string): Promise<Machine[]>;
  start(id: MachineId, context: DriverContext): Promise<Machine>;
  /** `powerOff` is a power failure: nothing is told to the machine. */
  stop(id: MachineId, options: { powerOff: boolean }): Promise<void>;
  destroy(id: MachineId): Promise<void>;
  /** Removes what the cluster's machines shared (networks, bridges) once the last one is gone. */
  destroyShared(cluster: string): Promise<void>;
  connect(machine: Machine): Promise<Host>;
  /** Makes this computer reach `ranges` (CIDRs) through the machine, and nothing else through it. Kept over restarts. Drivers without it need it not, or cannot. */
  route?(id: MachineId, ranges: readonly string[]): Promise<void>;
  /** True when machines are not ours: `destroy` only forgets them, so what was installed must be taken off before. */
  readonly keepsMachines?: boolean;
}

/** What a driver is made with. */
export interface DriverOptions {
  /** Where drivers that make machines on this computer keep their data: /var/lib/slipway. */
  dataDir: string;
  /** Where a cluster's own files of this client are: keys and pins. `$SLIPWAY_HOME/clusters/NAME`. */
  stateDir: string;
  /** What will be used on the machines: a driver whose machines share this computer's programs checks it here. */
  requirements: readonly Requirement[];
}

/** A program or file that has to be on a machine, and the Debian package that brings it. */
export interface Requirement {
  /** A program on the PATH, or an absolute path. */
  needs: string;
  package: string;
}

export interface MachineId {
  cluster: string;
  name: string;
}

export interface MachineSpec extends MachineId {
  cpus?: number;
  memoryMiB?: number;
  /** Driver-specific settings, checked by the driver: network range, SSH address, image. */
  settings: Readonly<Record<string, unknown>>;
}

export interface Machine extends MachineId {
  state: 'running' | 'stopped';
  /** On the nodes' network. */
  address: string;
  /** Whether pod networks of its cluster can be routed on that network, or need an overlay. */
  sameNetwork: boolean;
}

export interface Finding {
  severity: 'error' | 'warning';
  /** What is missing or wrong, in one sentence. */
  problem: string;
  /** What to type. */
  fix: string;
  /** Debian packages that would mend it: installed with --yes. */
  packages?: readonly string[];
  /** Reported as this error where it stops a command; PREFLIGHT_FAILED otherwise. */
  code?: ErrorCode;
}

export interface DriverContext {
  signal: AbortSignal;
  progress: (message: string) => void;
}
