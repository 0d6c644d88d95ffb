import type { EC2, Instance, IpPermission } from '@aws-sdk/client-ec2';
import type { BalancerSpec, CloudInstance, CloudProvider } from '../../controllers/cloud.ts';
import { ensureBalancer, removeBalancer } from './aws-balancers.ts';
import { type AwsClients, asked, openAws, unlessFault } from './aws-clients.ts';
import { findInstance, listInstances } from './aws-instances.ts';
import { findGroup } from './aws-network.ts';
import { createAwsRoutes } from './aws-routes.ts';

/** AWS for the controllers of a cluster: asked with the rights of the control plane's machine (docs/guides/aws.md has the policy). */
export const createAwsCloud = (options: {
  cluster: string;
  region: string;
  endpoint?: string | undefined;
  podRoutes?: boolean | undefined;
}): CloudProvider => {
  const { cluster } = options;
  const clients = openAws(options.region, options.endpoint);
  return {
    name: 'aws',
    instance: async ({ name, providerId }) => {
      const ec2 = await clients.ec2();
      const found = providerId ? await byId(ec2, providerId.split('/').at(-1) ?? '') : await findInstance(ec2, { cluster, name });
      return found && cloudInstance(found, clients.region);
    },
    ensureBalancer: async (wanted) => {
      const ec2 = await clients.ec2();
      const instances = await listInstances(ec2, cluster);
      const place = { cluster, vpcId: instances[0]?.VpcId ?? '', subnetIds: onePerZone(instances) };
      await openNodePorts(clients, cluster, wanted);
      return [{ hostname: await ensureBalancer(clients, place, wanted) }];
    },
    removeBalancer: async (id) => {
      await removeBalancer(clients, id);
      await closeNodePorts(clients, cluster, id);
    },
    routes: options.podRoutes ? createAwsRoutes(clients, cluster) : undefined,
  };
};

const byId = async (ec2: EC2, id: string): Promise<Instance | undefined> => {
  const answer = await asked(
    `look for the instance ${id}`,
    ec2.describeInstances({ InstanceIds: [id] }).catch(unlessFault('InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed')),
  );
  const found = answer?.Reservations?.[0]?.Instances?.[0];
  return found?.State?.Name === 'terminated' || found?.State?.Name === 'shutting-down' ? undefined : found;
};

const cloudInstance = (instance: Instance, region: string): CloudInstance => {
  const zone = instance.Placement?.AvailabilityZone ?? '';
  const addresses: [CloudInstance['addresses'][number]['type'], string | undefined][] = [
    ['InternalIP', instance.PrivateIpAddress],
    ['ExternalIP', instance.PublicIpAddress],
    ['InternalDNS', instance.PrivateDnsName],
    ['ExternalDNS', instance.PublicDnsName],
  ];
  return {
    providerId: `aws:///${zone}/${instance.InstanceId}`,
    type: instance.InstanceType,
    zone,
    region,
    addresses: addresses.flatMap(([type, address]) => (address ? [{ type, address }] : [])),
    running: instance.State?.Name === 'running' || instance.State?.Name === 'pending',
  };
};

/** AWS refuses two subnets of one zone. */
const onePerZone = (instances: readonly Instance[]): string[] => [
  ...new Map(instances.map((instance) => [instance.Placement?.AvailabilityZone ?? '', instance.SubnetId ?? ''])).values(),
];

/** Balancers of this kind leave the client's address as it is, so that the machines' own security group decides who gets in. */
const openNodePorts = async (clients: AwsClients, cluster: string, wanted: BalancerSpec): Promise<void> => {
  const ranges = wanted.sourceRanges.length ? wanted.sourceRanges : ['0.0.0.0/0'];
  const group = await findGroup(await clients.ec2(), cluster);
  const rules = wanted.ports.map(
    (port): IpPermission => ({
      IpProtocol: port.protocol.toLowerCase(),
      FromPort: port.nodePort,
      ToPort: port.nodePort,
      IpRanges: ranges.map((range) => ({ CidrIp: range, Description: describe(wanted.id) })),
    }),
  );
  const known = rulesOf(group?.IpPermissions ?? [], wanted.id);
  const text = (rule: IpPermission): string => `${rule.IpProtocol} ${rule.FromPort} ${rule.IpRanges?.map((range) => range.CidrIp).sort()}`;
  const same = known.map(text).sort().join() === rules.map(text).sort().join();
  if (!group?.GroupId || same) return;
  const ec2 = await clients.ec2();
  const added = rules.filter((rule) => !known.some((other) => text(other) === text(rule)));
  const dropped = known.filter((rule) => !rules.some((other) => text(other) === text(rule)));
  if (dropped.length) await asked('close node ports', ec2.revokeSecurityGroupIngress({ GroupId: group.GroupId, IpPermissions: dropped }));
  const open = ec2.authorizeSecurityGroupIngress({ GroupId: group.GroupId, IpPermissions: added });
  if (added.length) await asked('open node ports', open.catch(unlessFault('InvalidPermission.Duplicate')));
};

const closeNodePorts = async (clients: AwsClients, cluster: string, id: string): Promise<void> => {
  const group = await findGroup(await clients.ec2(), cluster);
  const rules = rulesOf(group?.IpPermissions ?? [], id);
  if (!rules.length) return;
  const ec2 = await clients.ec2();
  const close = ec2.revokeSecurityGroupIngress({ GroupId: group?.GroupId, IpPermissions: rules });
  await asked('close node ports', close.catch(unlessFault('InvalidPermission.NotFound')));
};

const describe = (id: string): string => `slipway balancer ${id}`;

/** The parts of rules that were made for a balancer. */
const rulesOf = (permissions: readonly IpPermission[], id: string): IpPermission[] =>
  permissions.flatMap((rule) => {
    const ranges = (rule.IpRanges ?? []).filter((range) => range.Description === describe(id));
    return ranges.length ? [{ IpProtocol: rule.IpProtocol, FromPort: rule.FromPort, ToPort: rule.ToPort, IpRanges: ranges }] : [];
  });
