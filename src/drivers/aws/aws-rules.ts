import type { IpPermission } from '@aws-sdk/client-ec2';

export interface Openings {
  /** Who reaches SSH and the API. */
  clientCidrs: readonly string[];
  nodePortCidrs: readonly string[];
  /** Nodes of the cluster that are not instances of it. */
  nodeCidrs: readonly string[];
}

export interface RuleChanges {
  missing: IpPermission[];
  /** Made by us, and wished no more. */
  extra: IpPermission[];
}

/** What rules of this driver are told by from those that others have made, which stay as they are. */
const OURS = 'slipway clients';

/**
 * What nodes ask each other: the API, agents (logs, exec, metrics), Service proxies how far they are, and pods in VXLAN. For all that the driver
 * makes itself the group's own rule stands.
 */
const NODE_PORTS = [
  { protocol: 'tcp', port: 6443 },
  { protocol: 'tcp', port: 10_250 },
  { protocol: 'tcp', port: 10_256 },
  { protocol: 'udp', port: 4789 },
];

/** Least rights: who manages reaches SSH and the API, who uses reaches node ports, and nodes reach each other. */
const wantedRules = (openings: Openings): IpPermission[] => [
  ...openings.clientCidrs.flatMap((cidr) => [opening('tcp', [22, 22], cidr), opening('tcp', [6443, 6443], cidr)]),
  ...openings.nodePortCidrs.map((cidr) => opening('tcp', [30_000, 32_767], cidr)),
  ...openings.nodeCidrs.flatMap((cidr) => NODE_PORTS.map(({ protocol, port }) => opening(protocol, [port, port], cidr))),
];

const opening = (protocol: string, [from, to]: readonly [number, number], cidr: string): IpPermission => ({
  IpProtocol: protocol,
  FromPort: from,
  ToPort: to,
  IpRanges: [{ CidrIp: cidr, Description: OURS }],
});

/** What has to be added to a group's rules, and withdrawn from them. */
export const compareRules = (groupId: string, openings: Openings, known: readonly IpPermission[]): RuleChanges => {
  const there = known.flatMap(oneByOne);
  // Who is in two lists is let in once: AWS refuses a rule that is named twice.
  const wanted = [...new Map(wantedRules(openings).map((rule) => [keyOf(rule), rule])).values()];
  const self: IpPermission = { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: groupId }] };
  const reachEachOther = known.some((rule) => rule.IpProtocol === '-1' && rule.UserIdGroupPairs?.some((pair) => pair.GroupId === groupId));
  return {
    missing: [...wanted.filter((rule) => !there.some((other) => keyOf(other) === keyOf(rule))), ...(reachEachOther ? [] : [self])],
    extra: there.filter((rule) => rule.IpRanges?.[0]?.Description === OURS && !wanted.some((other) => keyOf(other) === keyOf(rule))),
  };
};

/** For a plan: `opened to 198.51.100.7/32, closed to 203.0.113.0/24`; empty when nothing changes. */
export const changesText = ({ missing, extra }: RuleChanges): string => {
  const cidrs = (rules: readonly IpPermission[]): string =>
    [...new Set(rules.flatMap((rule) => (rule.IpRanges ?? []).map((range) => range.CidrIp)))].join(', ');
  return [missing.length && `opened to ${cidrs(missing) || 'each other'}`, extra.length && `closed to ${cidrs(extra)}`]
    .filter(Boolean)
    .join(', ');
};

/** AWS shows rules of the same ports as one. */
const oneByOne = ({ IpProtocol, FromPort, ToPort, IpRanges = [] }: IpPermission): IpPermission[] =>
  IpRanges.map((range) => ({ IpProtocol, FromPort, ToPort, IpRanges: [range] }));

const keyOf = (rule: IpPermission): string => [rule.IpProtocol, rule.FromPort, rule.ToPort, rule.IpRanges?.[0]?.CidrIp].join(' ');
