import { type Ipv4Range, ipv4Text, parseIpv4, parseIpv4Range, rangeContains, rangesOverlap } from '../../base/net/ipv4-range.ts';
import type { DriverDescriptor } from '../../drivers/driver.ts';
import { DEFAULT_NETWORK } from '../spec/cluster-spec.ts';
import type { Say } from './check-meaning.ts';
import { type ClusterFile, driverOf, poolsOf, sizeOf } from './cluster-file.ts';

interface NamedRange {
  path: (string | number)[];
  text: string;
  range: Ipv4Range;
}

/** Ranges are ranges, do not overlap, and are large enough. */
export const checkNetwork = (file: ClusterFile, drivers: readonly DriverDescriptor[], say: Say): void => {
  const network = { ...DEFAULT_NETWORK, ...file.spec.network };
  const read = (path: string[], text: string): NamedRange[] => {
    const range = parseIpv4Range(text);
    if (range) return [{ path, text, range }];
    say(path, `${text} is no range of addresses: ${nearestRange(text) ?? 'as 10.244.0.0/16'} would be one`);
    return [];
  };
  const [pods] = read(['spec', 'network', 'podCidr'], network.podCidr);
  const [services] = read(['spec', 'network', 'serviceCidr'], network.serviceCidr);
  const nodes = nodeRanges(file, drivers).flatMap(({ path, text }) => read(path, text));
  const all = [...(pods ? [pods] : []), ...(services ? [services] : []), ...nodes];
  for (const [index, one] of all.entries())
    for (const other of all.slice(0, index))
      if (rangesOverlap(one.range, other.range)) say(one.path, `${one.text} overlaps ${other.path.join('.')}, which is ${other.text}`);
  checkHosts(
    file,
    [pods, services].filter((range) => range !== undefined),
    say,
  );
  if (pods) checkNodeShare(file, pods, network.nodeCidrMaskSize, say);
  if (services) checkDns(file.spec.network?.clusterDns, services, say);
  checkPorts(file.spec.network?.nodePortRange, say);
};

/** 10.0.0.1/8 -> 10.0.0.0/8. */
const nearestRange = (text: string): string | undefined => {
  const [address = '', length = ''] = text.split('/');
  const number = parseIpv4(address);
  const size = 2 ** (32 - Number(length));
  return number === undefined || Number(length) > 32 ? undefined : `${ipv4Text(number - (number % size))}/${length}`;
};

const nodeRanges = (file: ClusterFile, drivers: readonly DriverDescriptor[]): { path: string[]; text: string }[] => {
  const used = new Set(poolsOf(file).map((pool) => driverOf(file, pool)));
  return drivers
    .filter((driver) => used.has(driver.name))
    .flatMap((driver) =>
      driver.settings
        .filter((setting) => setting.nodeRange)
        .flatMap((setting) => {
          const value = file.spec.drivers?.[driver.name]?.[setting.name];
          return typeof value === 'string' ? [{ path: ['spec', 'drivers', driver.name, setting.name], text: value }] : [];
        }),
    );
};

/** A host inside a range of pods or Services would not be reached from the cluster. */
const checkHosts = (file: ClusterFile, ranges: readonly NamedRange[], say: Say): void => {
  for (const [poolIndex, pool] of poolsOf(file).entries())
    for (const [index, given] of (pool.hosts ?? []).entries()) {
      const host = typeof given === 'string' ? given : String(given['address'] ?? given.host);
      const address = parseIpv4(host.replace(/^.*@/, '').replace(/:\d+$/, ''));
      for (const { path, text, range } of ranges)
        if (address !== undefined && rangeContains(range, address))
          say(['spec', 'pools', poolIndex, 'hosts', index], `${ipv4Text(address)} lies in ${path.join('.')}, which is ${text}`);
    }
};

const checkNodeShare = (file: ClusterFile, pods: NamedRange, maskSize: number, say: Say): void => {
  const nodes = poolsOf(file).reduce((sum, pool) => sum + sizeOf(pool), 0);
  const shares = 2 ** (maskSize - pods.range.prefixLength);
  if (maskSize <= pods.range.prefixLength)
    say(['spec', 'network', 'nodeCidrMaskSize'], `must be more than ${pods.range.prefixLength}, the prefix length of podCidr ${pods.text}`);
  else if (shares < nodes)
    say(
      pods.path,
      `${pods.text} has ${shares} parts of /${maskSize}, one a node, and the file has ${nodes} nodes: a larger range, or a larger nodeCidrMaskSize`,
    );
};

const checkDns = (dns: string | undefined, services: NamedRange, say: Say): void => {
  if (services.range.prefixLength > 28) say(services.path, `${services.text} is too small: at most /28`);
  if (dns === undefined) return;
  const address = parseIpv4(dns);
  const path = ['spec', 'network', 'clusterDns'];
  if (address === undefined || !rangeContains(services.range, address))
    say(path, `${dns} does not lie in serviceCidr, which is ${services.text}`);
  else if (address - services.range.first < 2) say(path, `${dns} is taken: the first address of serviceCidr is the API's`);
};

const checkPorts = (ports: string | undefined, say: Say): void => {
  const [from = 30000, to = 32767] = (ports ?? '').split('-').filter(Boolean).map(Number);
  if (from < 1 || to > 65_535 || from > to) say(['spec', 'network', 'nodePortRange'], `${ports} is no range of ports`);
};
