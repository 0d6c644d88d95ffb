import type { EC2, SecurityGroup, Subnet } from '@aws-sdk/client-ec2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Journal, PlannedResource } from '../driver.ts';
import { type AwsClients, asked, unlessFault } from './aws-clients.ts';
import { changesText, compareRules, type Openings, type RuleChanges } from './aws-rules.ts';
import { ofCluster, tagged, tagsOf } from './aws-tags.ts';
import { retryWhileInUse } from './aws-wait.ts';

export interface AwsNetworkSettings extends Openings {
  vpc: string | undefined;
  subnets: readonly string[];
  cidr: string;
  zones: number;
}

/** What machines are put into. */
export interface AwsNetworkIds {
  vpcId: string;
  subnets: { id: string; zone: string }[];
  securityGroupId: string;
}

/**
 * The network that a cluster's machines share: made, or one that is there, with a security group of the cluster's own. Everything is found by
 * the cluster's tag, so that each part is made once whoever asks, and however often.
 */
export class AwsNetwork {
  readonly #clients: AwsClients;
  readonly #cluster: string;
  readonly #journal: Journal;

  constructor(options: { clients: AwsClients; cluster: string; journal: Journal }) {
    this.#clients = options.clients;
    this.#cluster = options.cluster;
    this.#journal = options.journal;
  }

  async ensure(settings: AwsNetworkSettings): Promise<AwsNetworkIds> {
    const ec2 = await this.#clients.ec2();
    const { vpcId, subnets } = settings.vpc ? await this.#given(ec2, settings) : await this.#made(ec2, settings);
    return { vpcId, subnets, securityGroupId: await this.#ensureGroup(ec2, vpcId, settings) };
  }

  /** Whom the group that is there lets in becomes what is wished; nothing else is looked after. */
  async follow(settings: AwsNetworkSettings): Promise<void> {
    const ec2 = await this.#clients.ec2();
    const group = await this.#group(ec2);
    if (group?.GroupId) await this.#applyRules(ec2, group.GroupId, compareRules(group.GroupId, settings, group.IpPermissions ?? []));
  }

  async plan(settings: AwsNetworkSettings): Promise<PlannedResource[]> {
    const ec2 = await this.#clients.ec2();
    if (settings.vpc) await this.#given(ec2, settings);
    const name = nameOf(this.#cluster);
    const [vpc, group] = await Promise.all([this.#vpc(ec2), this.#group(ec2)]);
    const changes = group ? changesText(compareRules(group.GroupId ?? '', settings, group.IpPermissions ?? [])) : '';
    const clients = `SSH and API from ${settings.clientCidrs.join(', ')}`;
    return [
      ...(settings.vpc
        ? []
        : [
            {
              kind: 'vpc',
              name,
              state: vpc ? ('present' as const) : ('absent' as const),
              detail: `${settings.cidr} in ${this.#clients.region}`,
            },
          ]),
      {
        kind: 'security-group',
        name,
        state: group ? (changes ? 'differs' : 'present') : 'absent',
        detail: changes ? `${clients}: ${changes}` : clients,
      },
    ];
  }

  /** In the order in which AWS lets go. Interfaces of balancers and machines linger for minutes. */
  async destroy(): Promise<void> {
    const ec2 = await this.#clients.ec2();
    const group = await this.#group(ec2);
    if (group) {
      // Rules that name each other would keep both.
      if (group.IpPermissions?.length)
        await ec2
          .revokeSecurityGroupIngress({ GroupId: group.GroupId, IpPermissions: group.IpPermissions })
          .catch(unlessFault('InvalidPermission.NotFound', 'InvalidGroup.NotFound'));
      await retryWhileInUse(`remove the security group ${group.GroupId}`, () => ec2.deleteSecurityGroup({ GroupId: group.GroupId }));
    }
    const vpc = await this.#vpc(ec2);
    if (!vpc) return this.#forget();
    const inVpc = [{ Name: 'vpc-id', Values: [vpc.VpcId ?? ''] }];
    for (const subnet of (await ec2.describeSubnets({ Filters: inVpc })).Subnets ?? [])
      await retryWhileInUse(`remove the subnet ${subnet.SubnetId}`, () => ec2.deleteSubnet({ SubnetId: subnet.SubnetId }));
    for (const table of (await ec2.describeRouteTables({ Filters: [...inVpc, ...ofCluster(this.#cluster)] })).RouteTables ?? []) {
      for (const { RouteTableAssociationId } of table.Associations ?? [])
        await ec2.disassociateRouteTable({ AssociationId: RouteTableAssociationId }).catch(unlessFault('InvalidAssociationID.NotFound'));
      await retryWhileInUse(`remove the route table ${table.RouteTableId}`, () =>
        ec2.deleteRouteTable({ RouteTableId: table.RouteTableId }),
      );
    }
    const gateways = await ec2.describeInternetGateways({ Filters: ofCluster(this.#cluster) });
    for (const { InternetGatewayId } of gateways.InternetGateways ?? []) {
      await ec2
        .detachInternetGateway({ InternetGatewayId, VpcId: vpc.VpcId })
        .catch(unlessFault('Gateway.NotAttached', 'InvalidInternetGatewayID.NotFound'));
      await retryWhileInUse(`remove the gateway ${InternetGatewayId}`, () => ec2.deleteInternetGateway({ InternetGatewayId }));
    }
    await retryWhileInUse(`remove the network ${vpc.VpcId}`, () => ec2.deleteVpc({ VpcId: vpc.VpcId }));
    await this.#forget();
  }

  async #forget(): Promise<void> {
    for (const kind of ['security-group', 'vpc', 'internet-gateway', 'route-table'])
      await this.#journal.forget({ kind, name: nameOf(this.#cluster) });
  }

  async #given(ec2: EC2, settings: AwsNetworkSettings): Promise<Omit<AwsNetworkIds, 'securityGroupId'>> {
    const tried = `use the network ${settings.vpc}`;
    if (!settings.subnets.length)
      throw new SlipwayError('CONFIG_INVALID', { tried, cause: 'it needs subnets', advice: ['spec.drivers.aws.subnets: [subnet-...]'] });
    const { Subnets = [] } = await asked(tried, ec2.describeSubnets({ SubnetIds: [...settings.subnets] }));
    const stranger = Subnets.find((subnet) => subnet.VpcId !== settings.vpc);
    if (stranger) throw new SlipwayError('CONFIG_INVALID', { tried, cause: `the subnet ${stranger.SubnetId} is in ${stranger.VpcId}` });
    return { vpcId: settings.vpc ?? '', subnets: Subnets.map(subnetOf) };
  }

  async #made(ec2: EC2, settings: AwsNetworkSettings): Promise<Omit<AwsNetworkIds, 'securityGroupId'>> {
    const cluster = this.#cluster;
    const name = nameOf(cluster);
    const tags = tagsOf(cluster, name);
    let vpcId = (await this.#vpc(ec2))?.VpcId;
    if (!vpcId) {
      await this.#record('vpc');
      const made = await asked('make a network', ec2.createVpc({ CidrBlock: settings.cidr, TagSpecifications: [tagged('vpc', tags)] }));
      vpcId = made.Vpc?.VpcId ?? '';
      await this.#record('vpc', vpcId);
    }
    await ec2.modifyVpcAttribute({ VpcId: vpcId, EnableDnsHostnames: { Value: true } });
    const gatewayId = await this.#ensureGateway(ec2, vpcId);
    const tableId = await this.#ensureRouteTable(ec2, { vpcId, gatewayId });
    return { vpcId, subnets: await this.#ensureSubnets(ec2, { vpcId, tableId, settings }) };
  }

  async #ensureGateway(ec2: EC2, vpcId: string): Promise<string> {
    const known = (await ec2.describeInternetGateways({ Filters: ofCluster(this.#cluster) })).InternetGateways?.[0];
    let id = known?.InternetGatewayId;
    if (!id) {
      await this.#record('internet-gateway');
      const tags = [tagged('internet-gateway', tagsOf(this.#cluster, nameOf(this.#cluster)))];
      id = (await asked('make a gateway', ec2.createInternetGateway({ TagSpecifications: tags }))).InternetGateway?.InternetGatewayId ?? '';
      await this.#record('internet-gateway', id);
    }
    if (!known?.Attachments?.length) await asked('attach the gateway', ec2.attachInternetGateway({ InternetGatewayId: id, VpcId: vpcId }));
    return id;
  }

  async #ensureRouteTable(ec2: EC2, { vpcId, gatewayId }: { vpcId: string; gatewayId: string }): Promise<string> {
    const known = (await ec2.describeRouteTables({ Filters: ofCluster(this.#cluster) })).RouteTables?.[0];
    let id = known?.RouteTableId;
    if (!id) {
      await this.#record('route-table');
      const tags = [tagged('route-table', tagsOf(this.#cluster, nameOf(this.#cluster)))];
      id =
        (await asked('make a route table', ec2.createRouteTable({ VpcId: vpcId, TagSpecifications: tags }))).RouteTable?.RouteTableId ?? '';
      await this.#record('route-table', id);
    }
    if (!known?.Routes?.some((route) => route.DestinationCidrBlock === '0.0.0.0/0'))
      await asked('route to the gateway', ec2.createRoute({ RouteTableId: id, DestinationCidrBlock: '0.0.0.0/0', GatewayId: gatewayId }));
    return id;
  }

  /** One a zone, a sixteenth of the network each. */
  async #ensureSubnets(
    ec2: EC2,
    { vpcId, tableId, settings }: { vpcId: string; tableId: string; settings: AwsNetworkSettings },
  ): Promise<{ id: string; zone: string }[]> {
    const zones = await asked('list the zones', ec2.describeAvailabilityZones({ Filters: [{ Name: 'state', Values: ['available'] }] }));
    const wanted = (zones.AvailabilityZones ?? [])
      .map((zone) => zone.ZoneName ?? '')
      .sort()
      .slice(0, settings.zones);
    const known = (await ec2.describeSubnets({ Filters: ofCluster(this.#cluster) })).Subnets ?? [];
    const table = (await ec2.describeRouteTables({ RouteTableIds: [tableId] })).RouteTables?.[0];
    const subnets: { id: string; zone: string }[] = [];
    for (const [index, zone] of wanted.entries()) {
      let id = known.find((subnet) => subnet.AvailabilityZone === zone)?.SubnetId;
      if (!id) {
        const name = `${nameOf(this.#cluster)}-${zone}`;
        const made = await asked(
          `make a subnet in ${zone}`,
          ec2.createSubnet({
            VpcId: vpcId,
            AvailabilityZone: zone,
            CidrBlock: settings.cidr.replace(/\.\d+\.\d+\/16$/, `.${index * 16}.0/20`),
            TagSpecifications: [tagged('subnet', tagsOf(this.#cluster, name))],
          }),
        );
        id = made.Subnet?.SubnetId ?? '';
        await ec2.modifySubnetAttribute({ SubnetId: id, MapPublicIpOnLaunch: { Value: true } });
      }
      if (!table?.Associations?.some((association) => association.SubnetId === id))
        await asked('route the subnet', ec2.associateRouteTable({ RouteTableId: tableId, SubnetId: id }));
      subnets.push({ id, zone });
    }
    return subnets;
  }

  async #ensureGroup(ec2: EC2, vpcId: string, settings: AwsNetworkSettings): Promise<string> {
    const name = nameOf(this.#cluster);
    const known = await this.#group(ec2);
    let id = known?.GroupId;
    if (!id) {
      await this.#record('security-group');
      const made = await asked(
        'make a security group',
        ec2.createSecurityGroup({
          GroupName: name,
          Description: `nodes of the cluster ${this.#cluster}`,
          VpcId: vpcId,
          TagSpecifications: [tagged('security-group', tagsOf(this.#cluster, name))],
        }),
      );
      id = made.GroupId ?? '';
      await this.#record('security-group', id);
    }
    await this.#applyRules(ec2, id, compareRules(id, settings, known?.IpPermissions ?? []));
    return id;
  }

  /** Opened before it is closed: who is in both lists is not shut out for a moment. */
  async #applyRules(ec2: EC2, GroupId: string, { missing, extra }: RuleChanges): Promise<void> {
    if (missing.length) {
      const open = ec2.authorizeSecurityGroupIngress({ GroupId, IpPermissions: missing });
      await asked('open the security group', open.catch(unlessFault('InvalidPermission.Duplicate')));
    }
    if (extra.length) {
      const close = ec2.revokeSecurityGroupIngress({ GroupId, IpPermissions: extra });
      await asked('close the security group', close.catch(unlessFault('InvalidPermission.NotFound')));
    }
  }

  async #vpc(ec2: EC2) {
    return (await asked('look for the network', ec2.describeVpcs({ Filters: ofCluster(this.#cluster) }))).Vpcs?.[0];
  }

  async #group(ec2: EC2): Promise<SecurityGroup | undefined> {
    const filters = ofCluster(this.#cluster, { Name: 'group-name', Values: [nameOf(this.#cluster)] });
    return (await asked('look for the security group', ec2.describeSecurityGroups({ Filters: filters }))).SecurityGroups?.[0];
  }

  #record(kind: string, id?: string): Promise<void> {
    return this.#journal.record({ kind, name: nameOf(this.#cluster), driver: 'aws', id, details: { region: this.#clients.region } });
  }
}

export const nameOf = (cluster: string): string => `slipway-${cluster}`;

const subnetOf = (subnet: Subnet): { id: string; zone: string } => ({ id: subnet.SubnetId ?? '', zone: subnet.AvailabilityZone ?? '' });
