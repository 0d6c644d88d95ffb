import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** A network device with its addresses, of both families. */
export interface Link {
  name: string;
  addresses: readonly string[];
}

/** Which of a machine's addresses is the one that others reach it at. */
export interface OwnAddress {
  /** As it was installed; another one here begins anew. */
  configured: string;
  address: string;
  /** The device that had it. Empty: none ever had, as behind a translation of addresses; then nothing is followed. */
  link: string;
}

/** Devices that come and go with pods and tunnels: an address there is never the machine's. */
const NOT_OURS = /^(lo|veth|cni|docker|br-|virbr|slipway|flannel|cali|tun|tap|vxlan)/;

/**
 * Where a machine is reached now, given where it was. An address that is still there stays; one that has gone is followed on the device that
 * had it, or to the only device that has one, should that device have gone too. Without any candidate nothing changes: a cable is pulled.
 */
export const followAddress = (before: OwnAddress | undefined, configured: string, links: readonly Link[]): OwnAddress => {
  const known = before?.configured === configured ? before : { configured, address: configured, link: '' };
  const holder = links.find((link) => link.addresses.includes(known.address));
  if (holder) return { ...known, link: holder.name };
  if (!known.link) return known;
  const family = isIP(known.address);
  const usable = (link: Link): string[] => link.addresses.filter((address) => isIP(address) === family && !isLinkLocal(address));
  const same = links.find((link) => link.name === known.link);
  const others = links.filter((link) => !NOT_OURS.test(link.name) && usable(link).length > 0);
  const next = same ? usable(same)[0] : others.length === 1 && others[0] ? usable(others[0])[0] : undefined;
  if (next === undefined) return known;
  return { configured, address: next, link: links.find((link) => link.addresses.includes(next))?.name ?? known.link };
};

const isLinkLocal = (address: string): boolean => address.startsWith('169.254.') || /^fe[89ab]/i.test(address);

export const linksNow = (): Link[] =>
  Object.entries(networkInterfaces()).map(([name, addresses]) => ({ name, addresses: (addresses ?? []).map(({ address }) => address) }));
