/**
 * What security groups, and the check of source and destination, do to packets: a filter of the bridge that all instances are on, made from what moto
 * says of them. As on AWS, what is not let in gets no answer at all, and a group that names itself means its members' private addresses.
 */
import type { Instance, IpPermission, SecurityGroup } from '@aws-sdk/client-ec2';
import type { Suite } from '../suite.ts';

const TABLE = 'bridge ec2';
/** Of the clusters of these tests. */
const PODS = '10.244.0.0/16';
/** This computer, and the router of the network, as instances see it. */
export const GATEWAY = '10.100.0.1';

export interface PacketFilter {
  /** Called with what is there now; does something only when that has changed. */
  follow(now: Packets): Promise<void>;
  close(): Promise<void>;
}

interface Packets {
  instances: readonly Instance[];
  groups: readonly SecurityGroup[];
  /** Ranges that the network leads to an instance, by its ID. */
  ranges: readonly { range: string; instanceId: string }[];
}

export const filterPackets = (suite: Suite): PacketFilter => {
  let applied = '';
  return {
    follow: async (now) => {
      const rules = renderFilter(now);
      if (rules === applied) return;
      const result = await suite.run(['nft', '-f', '-'], { input: rules });
      if (result.code !== 0) throw new Error(`security groups as rules of nftables: ${result.stderr}\n${rules}`);
      applied = rules;
    },
    close: async () => void (await suite.run(['nft', 'delete', 'table', ...TABLE.split(' ')])),
  };
};

/** Before 0, where br_netfilter takes what is forwarded past the chains of that priority. */
const renderFilter = ({ instances, groups, ranges }: Packets): string => {
  const alive = instances.filter((instance) => instance.PrivateIpAddress && instance.State?.Name === 'running');
  const membersOf = (id: string | undefined): string[] =>
    alive
      .filter((instance) => instance.SecurityGroups?.some((group) => group.GroupId === id))
      .map((instance) => instance.PrivateIpAddress ?? '');
  const chainOf = (instance: Instance): string => {
    const rules = groups
      .filter((group) => instance.SecurityGroups?.some(({ GroupId }) => GroupId === group.GroupId))
      .flatMap((group) => group.IpPermissions ?? []);
    return `  chain ${instance.InstanceId} {\n${rules.flatMap((rule) => acceptLines(rule, instance, membersOf)).join('')}    drop\n  }\n`;
  };
  const jumps = alive.map((instance) => `    ip daddr { ${addressesOf(instance)} } jump ${instance.InstanceId}\n`);
  const passing = new Set(alive.filter(({ SourceDestCheck }) => SourceDestCheck === false).map(({ InstanceId }) => InstanceId));
  const destinations = ranges.map(
    ({ range, instanceId }) => `    ip daddr ${range} ${passing.has(instanceId) ? `jump ${instanceId}` : 'drop'}\n`,
  );
  // Who sent a frame, and on which bridge, is not known here: one instance with the check has it for all, and it knows the strangers that there can be.
  const sources = passing.size < alive.length ? `    ip saddr ${PODS} drop\n` : '';
  return `table ${TABLE}
delete table ${TABLE}
table ${TABLE} {
${alive.map(chainOf).join('')}  chain to {
    ether type != ip accept
    ip protocol icmp accept
    ip protocol tcp tcp flags & (syn | ack) != syn accept
${jumps.join('')}${destinations.join('')}  }
  chain from {
    ether type != ip accept
${sources}  }
  chain input { type filter hook input priority -1; jump from; }
  chain forward { type filter hook forward priority -1; jump from; jump to; }
  chain output { type filter hook output priority -1; jump to; }
}
`;
};

const addressesOf = (instance: Instance): string => [instance.PrivateIpAddress, instance.PublicIpAddress].filter(Boolean).join(', ');

const acceptLines = (rule: IpPermission, instance: Instance, membersOf: (group: string | undefined) => string[]): string[] => {
  const what = rule.IpProtocol === '-1' ? '' : `${rule.IpProtocol} dport ${rule.FromPort}-${rule.ToPort} `;
  const ranges = (rule.IpRanges ?? []).map((range) => `    ip saddr ${range.CidrIp} ${what}accept\n`);
  const members = (rule.UserIdGroupPairs ?? []).flatMap((pair) => membersOf(pair.GroupId));
  return members.length
    ? [...ranges, `    ip saddr { ${members.join(', ')} } ip daddr != ${instance.PublicIpAddress ?? '0.0.0.0'} ${what}accept\n`]
    : ranges;
};
