import type { ErrorCode } from '../../base/errors/catalogue.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { RunResult } from '../../hosts/host.ts';

/** An error of virsh; `absent` when what it was asked about is not there. */
export class VirshError extends SlipwayError {
  readonly absent: boolean;

  constructor(code: ErrorCode, details: ConstructorParameters<typeof SlipwayError>[1] & { absent: boolean }) {
    super(code, details);
    this.absent = details.absent;
  }
}

interface Rule {
  /** virsh ends with 1 whatever went wrong: only its text tells faults apart. Measured with libvirt 9.0. */
  text: RegExp;
  code: ErrorCode;
  advice?: readonly string[];
  absent?: true;
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
  { text: /failed to get (domain|network|pool|vol) |(Domain|Storage volume|Storage pool) not found/, code: 'NODE_UNKNOWN', absent: true },
  { text: /Network not found|network '.*' is not active/, code: 'NETWORK_UNKNOWN', absent: true },
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
    logLines: rule?.absent || lines.length < 2 ? [] : lines.slice(-10),
    absent: rule?.absent ?? false,
  });
};

/** Another operation holds the storage pool for a moment. */
export const isBusy = (stderr: string): boolean => /has asynchronous jobs running|cannot acquire state change lock/.test(stderr);
