import { ipv4Text, parseIpv4, parseIpv4Range, rangeContains } from '../../base/net/ipv4-range.ts';
import type { DriverDescriptor } from '../../drivers/driver.ts';
import { hostAddress } from '../../hosts/ssh/ssh-target.ts';
import { DEFAULT_NETWORK } from '../spec/cluster-spec.ts';
import { type ClusterRange, nodeRanges, rangeFaults } from '../spec/network-ranges.ts';
import { type ClusterFile, driverOf, hostsOf, poolsOf, sizeOf } from './cluster-file.ts';
import { type Path, pathText, type Say } from './located-value.ts';

type FileRange = ClusterRange<Path>;

/** Ranges do not overlap, and are large enough. */
export const checkNetwork = (file: ClusterFile, drivers: readonly DriverDescriptor[], say: Say): void => {
  const pods = rangeOf(file, 'podCidr');
  const services = rangeOf(file, 'serviceCidr');
  for (const { at, message } of rangeFaults([pods, services], rangesOfNodes(file, drivers))) say(at, message);
  checkHosts(file, [pods, services], say);
  checkNodeShare(file, pods, say);
  checkDns(file.spec.network?.clusterDns, services, say);
  checkPorts(file.spec.network?.nodePortRange, say);
};

const rangeOf = (file: ClusterFile, key: 'podCidr' | 'serviceCidr'): FileRange => {
  const said = file.spec.network?.[key];
  const at = ['spec', 'network', key];
  return { at, name: pathText(at), text: said ?? DEFAULT_NETWORK[key], isDefault: said === undefined };
};

const rangesOfNodes = (file: ClusterFile, drivers: readonly DriverDescriptor[]): FileRange[] => {
  const used = new Set(poolsOf(file).map((pool) => driverOf(file, pool)));
  return drivers
    .filter((driver) => used.has(driver.name))
    .flatMap((driver) =>
      nodeRanges(driver, file.spec.drivers?.[driver.name] ?? {}).map(({ setting, ...range }) => {
        const at = ['spec', 'drivers', driver.name, setting];
        return { at, name: pathText(at), ...range };
      }),
    );
};

/** A host inside a range of pods or Services would not be reached from the cluster. */
const checkHosts = (file: ClusterFile, ranges: readonly FileRange[], say: Say): void => {
  for (const { path, host, address = hostAddress(host) } of hostsOf(file)) {
    const number = parseIpv4(address ?? '');
    for (const { name, text } of ranges) {
      const range = parseIpv4Range(text);
      if (number !== undefined && range && rangeContains(range, number)) say(path, `${address} lies in ${name}, which is ${text}`);
    }
  }
};

const checkNodeShare = (file: ClusterFile, { at, text }: FileRange, say: Say): void => {
  const prefixLength = parseIpv4Range(text)?.prefixLength ?? 0;
  const { nodeCidrMaskSize } = file.spec.network ?? {};
  const maskSize = nodeCidrMaskSize ?? DEFAULT_NETWORK.nodeCidrMaskSize;
  const nodes = poolsOf(file).reduce((sum, pool) => sum + sizeOf(pool), 0);
  const shares = 2 ** (maskSize - prefixLength);
  if (maskSize <= prefixLength && nodeCidrMaskSize !== undefined)
    say(['spec', 'network', 'nodeCidrMaskSize'], `must be more than ${prefixLength}, the prefix length of podCidr ${text}`);
  else if (maskSize <= prefixLength)
    say(at, `${text} is too small: each node gets a part of /${maskSize} of it (nodeCidrMaskSize), so it must be at most /${maskSize - 1}`);
  else if (shares < nodes)
    say(
      at,
      `${text} has ${shares} parts of /${maskSize}, one a node, and the file has ${nodes} nodes: a larger range, or a larger nodeCidrMaskSize`,
    );
};

const checkDns = (dns: string | undefined, { at, text }: FileRange, say: Say): void => {
  const range = parseIpv4Range(text);
  if (!range) return;
  if (range.prefixLength > 28) say(at, `${text} is too small: at most /28`);
  if (dns === undefined) return;
  const address = parseIpv4(dns);
  const path = ['spec', 'network', 'clusterDns'];
  if (address === undefined || !rangeContains(range, address)) say(path, `${dns} does not lie in serviceCidr, which is ${text}`);
  else if (address - range.first < 2)
    say(path, `${dns} is taken: the API has ${ipv4Text(range.first + 1)}, the first address of serviceCidr`);
};

const checkPorts = (ports: string | undefined, say: Say): void => {
  const [from = 30000, to = 32767] = (ports ?? '').split('-').filter(Boolean).map(Number);
  if (from < 1 || to > 65_535 || from > to) say(['spec', 'network', 'nodePortRange'], `${ports} is no range of ports`);
};
