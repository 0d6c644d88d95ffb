/** A range of IPv4 addresses: `10.244.0.0/16`. */
export interface Ipv4Range {
  /** The first address, as a number. */
  first: number;
  prefixLength: number;
}

/** Undefined for what is no IPv4 address. */
export const parseIpv4 = (text: string): number | undefined => {
  const bytes = text.split('.');
  if (bytes.length !== 4 || !bytes.every((byte) => /^(0|[1-9]\d{0,2})$/.test(byte) && Number(byte) < 256)) return undefined;
  return bytes.reduce((number, byte) => number * 256 + Number(byte), 0);
};

export const ipv4Text = (address: number): string => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** Undefined for what is no range, also for one with bits behind its prefix (`10.0.0.1/8`). */
export const parseIpv4Range = (text: string): Ipv4Range | undefined => {
  const [address = '', length = ''] = text.split('/');
  const first = parseIpv4(address);
  const prefixLength = /^\d{1,2}$/.test(length) ? Number(length) : 33;
  if (first === undefined || prefixLength > 32 || first % 2 ** (32 - prefixLength) !== 0) return undefined;
  return { first, prefixLength };
};

export const rangesOverlap = (one: Ipv4Range, other: Ipv4Range): boolean => one.first <= lastOf(other) && other.first <= lastOf(one);

export const rangeContains = (range: Ipv4Range, address: number): boolean => address >= range.first && address <= lastOf(range);

const lastOf = ({ first, prefixLength }: Ipv4Range): number => first + 2 ** (32 - prefixLength) - 1;
