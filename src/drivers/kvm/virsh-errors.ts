import type { ErrorCode } from '../../base/errors/catalogue.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { RunResult } from '../../hosts/host.ts';

/** What a message says of the thing that virsh was asked about. */
type State = 'absent' | 'pool-absent' | 'pool-stopped' | 'active';

/** An error of virsh. */
export class VirshError extends SlipwayError {
  readonly #state: State | undefined;

  constructor(code: ErrorCode, details: ConstructorParameters<typeof SlipwayError>[1] & { state: State | undefined }) {
    super(code, details);
    this.#state = details.state;
  }

  /** What it was asked about is not there. */
  get absent(): boolean {
    return this.#state === 'absent' || this.#state === 'pool-absent';
  }

  /** What was to be started runs already, or what was to be removed still does. */
  get active(): boolean {
    return this.#state === 'active';
  }

  get poolGone(): boolean {
    return this.#state === 'pool-absent' || this.#state === 'pool-stopped';
  }
}

/** The storage pool is not there, or is stopped: work in it goes on once it is back. */
export const isPoolGone = (error: unknown): boolean => error instanceof VirshError && error.poolGone;

export const isAbsent = (error: unknown): boolean => error instanceof VirshError && error.absent;

/** For what may run already, or still, because another cluster works with it. */
export const isActive = (error: unknown): boolean => error instanceof VirshError && error.active;

export const unlessActive = (error: unknown): undefined => {
  if (isActive(error)) return undefined;
  throw error;
};

interface Rule {
  /** virsh ends with 1 whatever went wrong: only its text tells faults apart. Measured with libvirt 9.0. */
  text: RegExp;
  code: ErrorCode;
  advice?: readonly string[];
  state?: State;
}

const DAEMON = 'systemctl enable --now libvirtd   # or: apt-get install libvirt-daemon-system';

/** The first that fits. */
const RULES: readonly Rule[] = [
  {
    text: /^virsh: not found/m,
    code: 'PACKAGES_MISSING',
    advice: ['apt-get install libvirt-clients libvirt-daemon-system qemu-system-x86'],
  },
  {
    text: /Failed to connect socket to .*: Permission denied|authentication (failed|unavailable)|access denied by policy/,
    code: 'HYPERVISOR_UNREACHABLE',
    advice: ['sudo usermod --append --groups libvirt "$USER"   # then log in again'],
  },
  {
    text: /failed to connect to the hypervisor|Failed to connect socket|unable to connect to server/,
    code: 'HYPERVISOR_UNREACHABLE',
    advice: [DAEMON],
  },
  { text: /Domain snapshot not found/, code: 'SNAPSHOT_UNKNOWN' },
  { text: /failed to get pool |Storage pool not found/, code: 'COMMAND_FAILED', state: 'pool-absent' },
  { text: /pool '.*' is not active/, code: 'COMMAND_FAILED', state: 'pool-stopped' },
  // The last cluster that went took it along, at the moment at which it was to be started.
  { text: /cannot open directory '.*': No such file/, code: 'COMMAND_FAILED', state: 'pool-stopped' },
  { text: /is (already|still) active/, code: 'COMMAND_FAILED', state: 'active' },
  { text: /failed to get vol |Storage volume not found/, code: 'COMMAND_FAILED', state: 'absent' },
  { text: /failed to get (domain|network) |Domain not found/, code: 'NODE_UNKNOWN', state: 'absent' },
  { text: /Network not found|network '.*' is not active/, code: 'NETWORK_UNKNOWN', state: 'absent' },
  { text: /No space left on device|not enough (disk )?space|Disk quota exceeded/i, code: 'DISK_FULL', advice: ['df -h'] },
  { text: /Cannot allocate memory|cannot set up guest memory/, code: 'MEMORY_SHORT', advice: ['free -m'] },
  { text: /already in use by interface|address .* already in use|overlap|dhcp host entry .* that matches/, code: 'ADDRESS_IN_USE' },
  { text: /already exists with uuid|bridge name '.*' already in use|already exists/, code: 'NAME_TAKEN' },
  {
    text: /Cannot access (storage|backing) file|could not open kernel file|could not load kernel|No such file or directory/,
    code: 'MACHINE_IMAGE_MISSING',
  },
  { text: /not in .* format|Image is corrupt|invalid qcow2|error reading header/i, code: 'MACHINE_IMAGE_INVALID' },
  {
    text: /does not support virt type 'kvm'|Could not access KVM|failed to initialize kvm/i,
    code: 'PREFLIGHT_FAILED',
    advice: ['spec.drivers.kvm.accel: tcg   # in the cluster file', 'ls -l /dev/kvm'],
  },
];

export const virshError = (result: RunResult, { uri, tried }: { uri: string; tried: string }): VirshError => {
  const lines = result.stderr.split('\n').filter((line) => line.trim() !== '');
  const rule = RULES.find(({ text }) => text.test(result.stderr));
  const last = (lines.at(-1) ?? `virsh ended with exit code ${result.exitCode}`).replace(/^error: /, '');
  return new VirshError(rule?.code ?? 'COMMAND_FAILED', {
    tried,
    cause: `libvirt (${uri}) says: ${last}`,
    advice: rule?.advice,
    // The second line is the reason, those before it say what was done.
    logLines: rule?.state || lines.length < 2 ? [] : lines.slice(-10),
    state: rule?.state,
  });
};

/** Another operation holds the storage pool for a moment. */
export const isBusy = (stderr: string): boolean => /has asynchronous jobs running|cannot acquire state change lock/.test(stderr);
