/**
 * What security groups do to packets: a filter of the bridge that all instances are on, made from what moto says of groups and their members. As on
 * AWS, what is not let in gets no answer at all, and a group that names itself means its members' private addresses.
 */
import type { Instance, IpPermission, SecurityGroup } from '@aws-sdk/client-ec2';
import type { Suite } from '../suite.ts';

const TABLE = 'bridge ec2';

export interface PacketFilter {
  /** Called with what is there now; does something only when that has changed. */
  follow(instances: readonly Instance[], groups: readonly SecurityGroup[]): Promise<void>;
  close(): Promise<void>;
}

export const filterPackets = (suite: Suite): PacketFilter => {
  let applied = '';
  return {
    follow: async (instances, groups) => {
      const rules = renderFilter(instances, groups);
      if (rules === applied) return;
      const result = await suite.run(['nft', '-f', '-'], { input: rules });
      if (result.code !== 0) throw new Error(`security groups as rules of nftables: ${result.stderr}\n${rules}`);
      applied = rules;
    },
    close: async () => void (await suite.run(['nft', 'delete', 'table', ...TABLE.split(' ')])),
  };
};

const renderFilter = (instances: readonly Instance[], groups: readonly SecurityGroup[]): string => {
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
  return `table ${TABLE}
delete table ${TABLE}
table ${TABLE} {
${alive.map(chainOf).join('')}  chain to {
    ether type != ip accept
    ip protocol icmp accept
    ip protocol tcp tcp flags & (syn | ack) != syn accept
${jumps.join('')}  }
  chain forward { type filter hook forward priority 0; jump to; }
  chain output { type filter hook output priority 0; jump to; }
}
`;
};

const addressesOf = (instance: Instance): string => [instance.PrivateIpAddress, instance.PublicIpAddress].filter(Boolean).join(', ');

const acceptLines = (rule: IpPermission, instance: Instance, membersOf: (group: string | undefined) => string[]): string[] => {
  const what = rule.IpProtocol === '-1' ? '' : `${rule.IpProtocol} dport ${rule.FromPort}-${rule.ToPort} `;
  const ranges = (rule.IpRanges ?? []).map((range) => `    ip saddr ${range.CidrIp} ${what}accept\n`);
  const members = (rule.UserIdGroupPairs ?? []).flatMap((pair) => membersOf(pair.GroupId));
  return members.length
    ? [...ranges, `    ip saddr { ${members.join(', ')} } ip daddr ${instance.PrivateIpAddress} ${what}accept\n`]
    : ranges;
};
