import type { Distribution } from '../facts/host-facts.ts';

export type PackageManager = 'apt' | 'dnf';

/** Which package manager a distribution has, or why its hosts cannot be nodes yet. */
export type DistributionFamily = { packageManager: PackageManager } | { refusal: string };

const APT = ['debian', 'ubuntu'];
const DNF = ['fedora', 'rhel', 'centos', 'rocky', 'almalinux'];
/** On the list for later: said by name, so that nobody looks for their own mistake. */
const LATER: Readonly<Record<string, string>> = {
  alpine:
    'Alpine is on the list for later: its C library is musl, and neither Node.js nor the service manager of OpenRC is prepared for yet',
  arch: 'Arch Linux is on the list for later: its packages and their names are not prepared for yet',
};

/** By the distribution's own name first, then by those that it says to be like. */
export const distributionFamily = (distribution: Distribution): DistributionFamily => {
  for (const name of [distribution.id, ...distribution.like]) {
    if (APT.includes(name)) return { packageManager: 'apt' };
    if (DNF.includes(name)) return { packageManager: 'dnf' };
    const later = LATER[name];
    if (later) return { refusal: later };
  }
  const title = distribution.title || distribution.id;
  return {
    refusal: `${title} is neither of Debian's family (apt) nor of Fedora's (dnf); Alpine and Arch Linux are on the list for later`,
  };
};

/** Names that differ from Debian's, the likelier first. Rocky itself has no containerd: Docker's repository calls it containerd.io. */
const DNF_NAMES: Readonly<Record<string, readonly string[]>> = {
  containerd: ['containerd', 'containerd.io'],
  conntrack: ['conntrack-tools'],
  iproute2: ['iproute'],
  iptables: ['iptables-nft'],
};

/** What a package of Debian is called, in order of preference. */
export const packageNames = (manager: PackageManager, debianName: string): readonly string[] =>
  (manager === 'dnf' ? DNF_NAMES[debianName] : undefined) ?? [debianName];
