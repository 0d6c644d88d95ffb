import ipaddr from 'ipaddr.js';

/** The addresses of a CIDR that Services may have: neither the network's nor (IPv4) the broadcast address. */
export interface IpRange {
  readonly cidr: string;
  readonly family: 'IPv4' | 'IPv6';
  contains(address: string): boolean;
  /** The address at this offset from the network's. */
  at(offset: number): string;
  /** One that is free, or undefined. Prefers the upper part: the lower one is for addresses that people choose. */
  pick(isFree: (address: string) => boolean): string | undefined;
}

/** The ranges of IPv6 are far larger than any cluster: this much of them is used. */
const MOST_ADDRESSES = 2 ** 20;

export const createIpRange = (cidr: string): IpRange => {
  const [base, bits] = ipaddr.parseCIDR(cidr);
  const network = base.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr);
  const start = network.toByteArray().reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const width = network.toByteArray().length;
  const size = Math.min(2 ** (width * 8 - bits), MOST_ADDRESSES);
  const last = width === 4 ? size - 2 : size - 1;
  const at = (offset: number): string => {
    let value = start + BigInt(offset);
    const bytes: number[] = new Array(width).fill(0);
    for (let index = width - 1; index >= 0; index--) {
      bytes[index] = Number(value & 255n);
      value >>= 8n;
    }
    return ipaddr.fromByteArray(bytes).toString();
  };
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256);
  const search = (from: number, to: number, isFree: (address: string) => boolean): string | undefined => {
    const count = to - from + 1;
    if (count <= 0) return undefined;
    const begin = Math.floor(Math.random() * count);
    for (let step = 0; step < count; step++) {
      const address = at(from + ((begin + step) % count));
      if (isFree(address)) return address;
    }
    return undefined;
  };
  return {
    cidr,
    family: width === 4 ? 'IPv4' : 'IPv6',
    contains: (address) => {
      if (!ipaddr.isValid(address)) return false;
      const parsed = ipaddr.parse(address);
      if (parsed.kind() !== base.kind()) return false;
      const value = parsed.toByteArray().reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
      return value > start && value <= start + BigInt(last);
    },
    at,
    pick: (isFree) => (size > 32 ? (search(reserved + 1, last, isFree) ?? search(1, reserved, isFree)) : search(1, last, isFree)),
  };
};
