import { hostAddress, hostIdentity } from '../../hosts/ssh/ssh-target.ts';

export interface NamedHost {
  /** What a person calls it: `spec.pools[0].hosts[1]`, `lab-2`. */
  name: string;
  host: string;
  /** On the nodes' network, where it was said. */
  address?: string | undefined;
}

/** Hosts that are another one's again, however they are written: two nodes on one host would take each other's programs and ports. */
export const twinFaults = (hosts: readonly NamedHost[]): { index: number; message: string }[] => {
  const byHost = new Map<string, string>();
  const byAddress = new Map<string, string>();
  return hosts.flatMap(({ name, host, address = hostAddress(host) }, index) => {
    const key = hostIdentity(host);
    const twin = byHost.get(key);
    const neighbour = address && byAddress.get(address);
    byHost.set(key, twin ?? name);
    if (address) byAddress.set(address, neighbour ?? name);
    if (twin) return [{ index, message: `${twin} is this host already: ${host}` }];
    if (neighbour)
      return [{ index, message: `${neighbour} has the address ${address} already: give each host its address on the nodes' network` }];
    return [];
  });
};
