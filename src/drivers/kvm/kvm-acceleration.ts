import type { Virsh } from './virsh.ts';

/**
 * Whether QEMU can run guests by KVM there, as libvirt finds out by trying. A device that is there and useless (some nested flavours) is
 * only seen by a guest that does not boot: `accel: tcg` says so.
 */
export const kvmWorks = (virsh: Virsh): Promise<boolean> => virsh.succeeds(['domcapabilities', '--virttype', 'kvm', '--arch', 'x86_64']);

export const emulatorThere = (virsh: Virsh): Promise<boolean> =>
  virsh.succeeds(['domcapabilities', '--virttype', 'qemu', '--arch', 'x86_64']);
