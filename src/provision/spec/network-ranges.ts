import { type Ipv4Range, parseIpv4Range, rangesOverlap } from '../../base/net/ipv4-range.ts';
import type { DriverDescriptor } from '../../drivers/driver.ts';

/** A range of addresses of a cluster. `at` is where it was said: whoever asks knows what to make of it. */
export interface ClusterRange<At> {
  at: At;
  /** What a person calls it: `spec.network.podCidr`, `--subnet`. */
  name: string;
  text: string;
  /** Nobody has chosen it. */
  isDefault: boolean;
}

/** What computers keep for themselves: traffic to it never leaves, or reaches nobody. */
const KEPT: Readonly<Record<string, string>> = {
  '0.0.0.0/8': 'stands for no address at all',
  '127.0.0.0/8': 'is the loopback of every computer',
  '169.254.0.0/16': 'is link-local',
  '224.0.0.0/4': 'is multicast',
  '240.0.0.0/4': 'is reserved',
};

/** Ranges that overlap, or that nobody can use. Where one of two was chosen and the other was not, the chosen one is told. */
export const rangeFaults = <At>(
  cluster: readonly ClusterRange<At>[],
  nodes: readonly ClusterRange<At>[],
): { at: At; message: string }[] => {
  // Drivers take a free part of their default ranges: those of two drivers, and a part that was chosen, may lie in one.
  const ofNodes = nodes.filter(({ isDefault }) => !isDefault);
  const all = [...cluster, ...ofNodes];
  const pairs = [
    ...all.flatMap((one, index) => all.slice(0, index).map((other) => [one, other] as const)),
    ...nodes.filter(({ isDefault }) => isDefault).flatMap((one) => cluster.map((other) => [one, other] as const)),
  ];
  const overlapping = pairs.filter(([one, other]) => overlap(one.text, other.text));
  return [
    ...all.flatMap(({ at, text }) =>
      keptBy(text)
        .slice(0, 1)
        .map(([kept, why]) => ({ at, message: `${text} overlaps ${kept}, which ${why}` })),
    ),
    ...overlapping.map(([one, other]) => {
      const [told, met] = one.isDefault ? [other, one] : [one, other];
      const how = met.isDefault ? ' by default: change either' : '';
      return { at: told.at, message: `${told.text} overlaps ${met.name}, which is ${met.text}${how}` };
    }),
  ];
};

export interface NodeRangeText {
  setting: string;
  text: string;
  isDefault: boolean;
}

/** Where nodes of a driver get their addresses from, said or not. */
export const nodeRanges = (driver: DriverDescriptor, settings: Readonly<Record<string, unknown>>): NodeRangeText[] =>
  driver.settings.flatMap(({ name, nodeRange }): NodeRangeText[] => {
    if (!nodeRange) return [];
    const said = settings[name];
    if (typeof said === 'string') return [{ setting: name, text: said, isDefault: false }];
    if (nodeRange.unless && settings[nodeRange.unless] !== undefined) return [];
    return nodeRange.defaults.map((text) => ({ setting: name, text, isDefault: true }));
  });

const keptBy = (text: string): [string, string][] => Object.entries(KEPT).filter(([kept]) => overlap(text, kept));

const overlap = (one: string, other: string): boolean => {
  const [first, second]: (Ipv4Range | undefined)[] = [parseIpv4Range(one), parseIpv4Range(other)];
  return first !== undefined && second !== undefined && rangesOverlap(first, second);
};
