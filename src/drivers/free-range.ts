import { ipv4Text, parseIpv4Range } from '../base/net/ipv4-range.ts';
import { runProcess } from '../hosts/local/run-process.ts';
import { NODE_NETWORKS } from './node-networks.ts';

/** Every /24 of `NODE_NETWORKS`, by its first three bytes. */
export const NODE_RANGES: readonly string[] = NODE_NETWORKS.flatMap((text) => {
  const { first, prefixLength } = parseIpv4Range(text) ?? { first: 0, prefixLength: 24 };
  return Array.from({ length: 2 ** (24 - prefixLength) }, (_, index) => ipv4Text(first + index * 256).replace(/\.0$/, ''));
});

export interface Range {
  base: number;
  bits: number;
}

/** What this computer routes, and the networks that it has addresses in. */
export const routedRanges = async (): Promise<Range[]> => {
  const [routes, links] = await Promise.all([
    ipJson<{ dst?: string }>('-4', 'route', 'show', 'table', 'all'),
    ipJson<{ addr_info?: { local?: string; prefixlen?: number }[] }>('-4', 'address'),
  ]);
  const texts = [
    ...routes.map((route) => route.dst ?? 'default'),
    ...links.flatMap((link) => (link.addr_info ?? []).map((info) => `${info.local}/${info.prefixlen}`)),
  ];
  return texts.filter((text) => /^\d+\.\d+\.\d+\.\d+/.test(text)).map(parseRange);
};

export const parseRange = (text: string): Range => {
  const [address = '', bits = '32'] = text.split('/');
  return { base: toNumber(address), bits: Number(bits) };
};

const toNumber = (address: string): number => address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);

/** Whether a range and a /24 share an address. */
export const overlaps = (range: Range, prefix: string): boolean => {
  const size = 2 ** (32 - Math.min(range.bits, 24));
  const other = toNumber(`${prefix}.0`);
  return Math.floor(range.base / size) === Math.floor(other / size);
};

/** What `ip -json` answers; empty when it fails. */
export const ipJson = async <T>(...args: string[]): Promise<T[]> => {
  const { stdout, exitCode } = await runProcess(['ip', '-json', ...args], { where: 'this host', check: false });
  return exitCode === 0 && stdout.trim() ? (JSON.parse(stdout) as T[]) : [];
};
