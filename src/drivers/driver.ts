import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../base/errors/catalogue.ts';
import type { TextForm } from '../base/text/text-form.ts';
import type { Host } from '../hosts/host.ts';

/**
 * Makes machines and knows nothing of Kubernetes. Every call is idempotent: `create` of what exists describes it, `destroy` of
 * what is gone succeeds. Drivers are listed in drivers/index.ts and loaded when they are used.
 */
export interface Driver {
  readonly name: string;
  /** What this host lacks, each with the command that mends it. Empty when all is well. */
  preflight(): Promise<Finding[]>;
  /**
   * What these machines need, with what they share (network, keys, firewall), each as it is now. Reads only: `slipway plan` shows it, and
   * `create` makes what is absent. The state of every resource comes from the real world, never from a file of ours.
   */
  plan(specs: readonly MachineSpec[]): Promise<PlannedResource[]>;
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
  /**
   * A command line of this computer that runs `command` as root on the machine, with this terminal as its own; a login shell when there is none.
   */
  terminal(machine: Machine, command: readonly string[]): Promise<readonly string[]>;
  /**
   * Machines are at other addresses than this client knows, as the cluster itself says: where to knock is changed, and a host stays known by the
   * key that it had. Drivers that always know where their machines are lack it.
   */
  moved?(moves: readonly { id: MachineId; from: string; to: string }[]): Promise<void>;
  /** Of machines that are not ours: what `create` was told in this run of a machine that was known before is forgotten. */
  takeBack?(id: MachineId): Promise<void>;
  /**
   * Byte streams to ports of a machine that is reached by way of other hosts, and may not be reachable from this computer itself. Undefined for one
   * that is not. Nothing is opened before the first stream. Drivers without such machines lack it.
   */
  passage?(id: MachineId): Promise<Passage | undefined>;
  /** Makes this computer reach `ranges` (CIDRs) through the machine, and nothing else through it. Kept over restarts. Drivers without it need it not, or cannot. */
  route?(id: MachineId, ranges: readonly string[]): Promise<void>;
  /**
   * Settings for the whole cluster by which this machine is found: what the journal's details say of a cluster from its beginning, for one whose journal
   * is lost. Drivers that find their machines wherever they are opened lack it.
   */
  place?(id: MachineId): Promise<Readonly<Record<string, string>>>;
  /** Drivers that cannot keep disks lack it. */
  readonly disks?: DiskKeeper | undefined;
  /** Of drivers with a cloud: what the control plane's controllers are told to reach it by (`CloudConfig` of the server's configuration). */
  readonly cloud?: { provider: 'aws'; region: string; endpoint?: string | undefined; podRoutes?: boolean } | undefined;
  /** True when machines are not ours: `destroy` only forgets them, so what was installed must be taken off before. */
  readonly keepsMachines?: boolean;
}

/** Of machines that are off: throws USAGE for others, and NODE_UNKNOWN. What is kept is gone with the machine. */
export interface DiskKeeper {
  /** Keeps the disk under a new name. Throws NAME_TAKEN. */
  snapshot(id: MachineId, name: string): Promise<void>;
  /** Puts the disk back to what it was; what was written since is lost. Throws SNAPSHOT_UNKNOWN. */
  restore(id: MachineId, name: string): Promise<void>;
  /** Forgets what was kept under a name, and frees its space; the disk stays as it is. Throws SNAPSHOT_UNKNOWN. */
  remove(id: MachineId, name: string): Promise<void>;
  /** Names, the oldest first; also of a machine that is on. */
  list(id: MachineId): Promise<string[]>;
}

/** One driver, as the list in drivers/index.ts has it: cheap to import, so that schema, wizard and help can show every driver. */
export interface DriverDescriptor {
  readonly name: string;
  /** One sentence for the wizard: what it makes, and where. */
  readonly summary: string;
  readonly settings: readonly DriverSetting[];
  /** Below `stateDir`: the key that logs in to a cluster's machines, for drivers whose machines let in no other. It is nowhere else. */
  readonly keyFile?: string;
  /** Its machines have disks of their own, of the size that is asked for. */
  readonly hasDisks?: true;
  /** Of clouds: what machines can be had and what each costs with these settings, the cheapest first. Nothing is asked of the cloud. */
  readonly offers?: (wish: { settings: Readonly<Record<string, unknown>>; diskGiB?: number | undefined }) => Promise<MachineOffer[]>;
  /** It has `Driver.disks`. */
  readonly keepsDisks?: true;
  load(options: DriverOptions): Promise<Driver>;
}

/** A kind of machine by the name that the setting `instanceType` takes. */
export interface MachineOffer {
  readonly name: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** With its disk; undefined where it is not known, as in a region without a price list. */
  readonly usdPerHour: number | undefined;
  /** What is taken where nothing is said. */
  readonly isDefault: boolean;
}

/** Whether its machines are hosts that somebody has, each named by a person. */
export const usesHosts = ({ settings }: Pick<DriverDescriptor, 'settings'>): boolean =>
  settings.some(({ scope, name }) => scope === 'node' && name === 'host');

/**
 * A key that a driver reads from `MachineSpec.settings`. `cluster`: stands in `spec.drivers.NAME` of the cluster file only, the same for all
 * nodes (region, network). `pool`: there, or in a pool, which wins (image, instance type). `node`: of one node (its host).
 */
export interface DriverSetting {
  readonly name: string;
  readonly scope: 'cluster' | 'pool' | 'node';
  readonly type: 'string' | 'integer' | 'boolean' | 'strings';
  /** For the reference and the wizard, with the default in square brackets where there is one. */
  readonly description: string;
  readonly enum?: readonly string[];
  /** Of a text, and of each of several. */
  readonly form?: TextForm;
  /** Bounds of a whole number. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** Another setting, without which this one means nothing. */
  readonly needs?: string;
  /** Another setting, beside which this one cannot be, and why, as in `the table of ... is not ours`. */
  readonly without?: { readonly setting: string; readonly why: string };
  /** No machine is made without it. */
  readonly required?: true;
  /** The value is a file of this computer, where it is no http(s) URL. */
  readonly file?: true;
  /** The value is a range of addresses for nodes: one that overlaps those of pods or Services is refused. */
  readonly nodeRange?: NodeRange;
}

/** Where nodes get their addresses while nothing is said. */
export interface NodeRange {
  readonly defaults: readonly string[];
  /** Where this other setting is given, the defaults are not used either. */
  readonly unless?: string;
}

/** What a driver is made with. */
export interface DriverOptions {
  /** Where drivers that make machines on this computer keep their data: /var/lib/slipway. */
  dataDir: string;
  /** Where a cluster's own files of this client are: keys and pins. `$SLIPWAY_HOME/clusters/NAME`. */
  stateDir: string;
  /** What will be used on the machines: a driver whose machines share this computer's programs checks it here. */
  requirements: readonly Requirement[];
  journal: Journal;
  /** `spec.drivers.NAME` of the cluster, where it is known: what `list` and `destroy` need, who are given no machine's settings. */
  settings?: Readonly<Record<string, unknown>> | undefined;
  /** The settings of a node, those of its pool among them, where the node is known: what `start` and `stop` need, who are given no more than its name. */
  settingsOf?: ((name: string) => Readonly<Record<string, unknown>> | undefined) | undefined;
  /** Typed in for this run; never saved, nor in an argument. */
  secrets?: { readonly sudoPassword?: string | undefined } | undefined;
}

/**
 * What a cluster has made outside of its own folder: an entry is on disk before the resource is asked for, so that a crash leaves nothing
 * unknown. A driver whose resources can be found again by name or tag still writes it: the tag may be what was lost.
 */
export interface Journal {
  /** Resolves when it would survive a power failure. `id` becomes known with a second call. */
  record(resource: JournalEntry): Promise<void>;
  /** Once it is gone for certain. */
  forget(resource: Pick<JournalEntry, 'driver' | 'kind' | 'name'>): Promise<void>;
  /** Oldest first. */
  entries(): Promise<JournalEntry[]>;
}

export interface JournalEntry {
  /** `machine`, `vpc`, `security-group`, `volume`: one word of the driver's. */
  kind: string;
  /** Unique for its driver and kind within the cluster. */
  name: string;
  driver: string;
  /** As the maker of the resource calls it. */
  id?: string | undefined;
  /** What a driver needs to go on with, or to remove, the resource: region, token. Never a secret. */
  details?: Readonly<Record<string, string>> | undefined;
}

/** A program or file that has to be on a machine, and the package that brings it, as Debian names it. */
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
  cpus?: number | undefined;
  memoryMiB?: number | undefined;
  diskGiB?: number | undefined;
  /** Beside that of SSH: where this computer has to reach the machine, for drivers that must make a way. */
  ports?: readonly number[] | undefined;
  /** It carries what makes balancers and the like: a cloud gives it the rights to do so. */
  managesCloud?: boolean | undefined;
  /** Driver-specific settings, checked by the driver: network range, SSH address, image. */
  settings: Readonly<Record<string, unknown>>;
}

export interface Machine extends MachineId {
  state: 'running' | 'stopped';
  /** On the nodes' network. */
  address: string;
  /** Where this computer, and nodes of other drivers, reach it when that is another address. */
  externalAddress?: string | undefined;
  /** Ports of the machine that are others on `externalAddress`. */
  forwardedPorts?: Readonly<Record<number, number>> | undefined;
  /** It is emulated, and takes minutes for what others do in seconds: nobody is to count it as dead as soon as those. */
  slow?: boolean | undefined;
  /** Whether pod networks of its cluster can be routed on that network, or need an overlay. */
  sameNetwork: boolean;
}

export interface Passage {
  /** The hosts on the way, the first one first: `user@gate`. */
  readonly through: readonly string[];
  /** Throws what reaching the machine throws, and an Error where nobody listens. */
  dial(port: number): Promise<Duplex>;
  close(): Promise<void>;
}

export interface PlannedResource {
  kind: string;
  name: string;
  /** `differs`: there, and changed by `create`. */
  state: 'absent' | 'present' | 'stopped' | 'differs';
  /** What it is to be: `2 CPUs, 2048 MiB`, `t3.small in eu-central-1a`. */
  detail?: string | undefined;
  usdPerHour?: number | undefined;
  /** It costs something, and nobody knows how much before: why, in a word or two. Then `usdPerHour` is left out. */
  unpriced?: string | undefined;
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
