import { accessSync, constants, existsSync } from 'node:fs';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Finding } from '../driver.ts';
import { emulatorThere, kvmWorks } from './kvm-acceleration.ts';
import type { KvmSettings } from './kvm-settings.ts';
import type { Virsh } from './virsh.ts';

const PACKAGES = [
  'libvirt-clients',
  'libvirt-daemon-system',
  'libvirt-daemon-driver-qemu',
  'qemu-system-x86',
  'qemu-utils',
  'dnsmasq-base',
];

/** On a host that runs without systemd apt would otherwise bring it, or change parts of it. */
const packagesHere = (): string[] => (existsSync('/run/systemd/system') ? PACKAGES : [...PACKAGES, 'libvirt-daemon-system-sysv']);

/** What keeps virtual machines from running on this host, or makes them slow. */
export const kvmFindings = async (virsh: Virsh, settings: KvmSettings): Promise<Finding[]> => {
  const unreachable = await reachFinding(virsh);
  if (unreachable) return [unreachable];
  if (settings.accel !== 'tcg' && (await kvmWorks(virsh))) return [];
  if (!(await emulatorThere(virsh)))
    return [
      {
        severity: 'error',
        code: 'PACKAGES_MISSING',
        problem: 'libvirt finds no QEMU on this host.',
        fix: 'apt-get install qemu-system-x86 && systemctl restart libvirtd',
        packages: ['qemu-system-x86', 'qemu-utils'],
      },
    ];
  if (settings.accel === 'kvm') return [{ severity: 'error', problem: `KVM does not work here: ${deviceProblem()}.`, fix: KVM_FIX }];
  if (settings.accel === 'tcg') return [];
  return [
    {
      severity: 'warning',
      problem: `KVM does not work here (${deviceProblem()}): machines are emulated, and take minutes where seconds are usual.`,
      fix: KVM_FIX,
    },
  ];
};

const KVM_FIX =
  'modprobe kvm_intel || modprobe kvm_amd   # after virtualization is switched on in the firmware; in a guest: nested virtualization';

const deviceProblem = (): string => {
  try {
    accessSync('/dev/kvm', constants.F_OK);
    return '/dev/kvm is there, and QEMU cannot use it';
  } catch {
    return 'there is no /dev/kvm';
  }
};

const reachFinding = async (virsh: Virsh): Promise<Finding | undefined> => {
  try {
    await virsh.run(['version'], { tried: `reach libvirt at ${virsh.uri}` });
    return undefined;
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    const [fix = 'virsh version'] = error.advice;
    const packages = packagesHere();
    if (error.code === 'PACKAGES_MISSING')
      return {
        severity: 'error',
        code: error.code,
        problem: 'This host lacks virsh.',
        fix: `apt-get install --no-install-recommends ${packages.join(' ')}`,
        packages,
      };
    return { severity: 'error', code: error.code, problem: `libvirt does not answer at ${virsh.uri}: ${error.reason}.`, fix };
  }
};
