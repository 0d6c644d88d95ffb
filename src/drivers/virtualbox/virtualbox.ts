/**
 * What the driver asks of VirtualBox. `vboxmanage.ts` is the real one and the only file that runs the tool; tests of what lies above have one
 * in memory. Names are VirtualBox's own. Removing what is gone is no error; making what exists says so by its return value.
 */
export interface VirtualBox {
  /** Undefined where the tool is absent. Throws PREFLIGHT_FAILED when it is there and does not work. */
  version(): Promise<VirtualBoxVersion | undefined>;
  /** Machines of a group, `/slipway/demo`, sorted by name. */
  machines(group: string): Promise<VirtualBoxMachine[]>;
  machine(name: string): Promise<VirtualBoxMachine | undefined>;
  /** Registers a machine that is off, with its disks and network. `uuid` makes it the same machine in every attempt. */
  createMachine(machine: NewMachine): Promise<void>;
  start(name: string): Promise<void>;
  /** One that is paused goes on. */
  resume(name: string): Promise<void>;
  /** Asks the guest to power off; it may not listen. */
  pressPowerButton(name: string): Promise<void>;
  powerOff(name: string): Promise<void>;
  /** It and its disks are known no more; their files stay, and are the caller's to remove. */
  removeMachine(name: string): Promise<void>;
  /** False when there is one of that name. */
  createNetwork(network: { name: string; cidr: string }): Promise<boolean>;
  networks(): Promise<VirtualBoxNetwork[]>;
  removeNetwork(name: string): Promise<void>;
  /** A port of this computer's loopback, into a machine of a network. A rule of the same name is replaced. */
  forward(network: string, rule: ForwardRule): Promise<void>;
  removeForward(network: string, name: string): Promise<void>;
  /** Makes `to` (VDI) of an image in one of VirtualBox's formats, or of a raw one, and grows it to `sizeGiB` when it is smaller. */
  importDisk(disk: { from: string; to: string; raw: boolean; sizeGiB: number }): Promise<void>;
  /** A disk that holds only what differs from `parent`. */
  createLinkedDisk(disk: { path: string; parent: string }): Promise<void>;
  /** With its file; also one of those that are read only. */
  removeDisk(path: string): Promise<void>;
  takeSnapshot(machine: string, name: string): Promise<void>;
  restoreSnapshot(machine: string, name: string): Promise<void>;
  /** The machine stays as it is. */
  deleteSnapshot(machine: string, name: string): Promise<void>;
}

export interface VirtualBoxVersion {
  /** `7.2.22` */
  version: string;
  /** Without its kernel driver VirtualBox makes machines, and starts none. */
  hasKernelDriver: boolean;
}

export interface NewMachine {
  name: string;
  uuid: string;
  group: string;
  /** Its settings and logs lie in a folder of its name below this one. */
  folder: string;
  cpus: number;
  memoryMiB: number;
  /** `080027000011` */
  mac: string;
  network: string;
  /** In order: the first boots. */
  disks: { path: string; readOnly: boolean }[];
  /** Where the guest's console goes. */
  consoleFile: string;
  /** Kept with the machine, so that it is found and understood without any file of ours. Written last: a machine that has them all is whole. */
  labels: Readonly<Record<string, string>>;
}

export interface VirtualBoxMachine {
  name: string;
  /** VirtualBox's own word: `running`, `poweroff`, `aborted`, `saved`. */
  state: string;
  cpus: number;
  memoryMiB: number;
  labels: Record<string, string>;
  /** Oldest first. */
  snapshots: string[];
}

export interface VirtualBoxNetwork {
  name: string;
  cidr: string;
  forwards: ForwardRule[];
}

export interface ForwardRule {
  name: string;
  hostPort: number;
  guestAddress: string;
  guestPort: number;
}
