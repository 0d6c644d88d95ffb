import type { EC2, SecurityGroup, Subnet, Vpc } from '@aws-sdk/client-ec2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Journal, PlannedResource } from '../driver.ts';
import { type AwsClients, asked, unlessFault } from './aws-clients.ts';
import { removeNetwork } from './aws-network-removal.ts';
import { changesText, compareRules, type Openings, type RuleChanges } from './aws-rules.ts';
import { ofCluster, tagged, tagsOf } from './aws-tags.ts';

export interface AwsNetworkSettings extends Openings {
  vpc: string | undefined;
  subnets: readonly string[];
  cidr: string;
  zones: number;
}

/** What is made of a network, as the journal calls it. */
const KINDS = ['vpc', 'internet-gateway', 'route-table', 'subnet', 'security-group'];

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
    const group = await findGroup(ec2, this.#cluster);
    if (group?.GroupId) await this.#applyRules(ec2, group.GroupId, compareRules(group.GroupId, settings, group.IpPermissions ?? []));
  }

  async plan(settings: AwsNetworkSettings): Promise<PlannedResource[]> {
    const ec2 = await this.#clients.ec2();
    if (settings.vpc) await this.#given(ec2, settings);
    const name = nameOf(this.#cluster);
    const [vpc, group] = await Promise.all([this.#vpc(ec2), findGroup(ec2, this.#cluster)]);
    const changes = group ? changesText(compareRules(group.GroupId ?? '', settings, group.IpPermissions ?? [])) : '';
    const others = settings.nodeCidrs.length ? `, nodes from ${settings.nodeCidrs.join(', ')}` : '';
    const clients = `SSH and API from ${settings.clientCidrs.join(', ')}${others}`;
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

  async destroy(): Promise<void> {
    await removeNetwork(await this.#clients.ec2(), this.#cluster);
    for (const { driver, kind, name } of await this.#journal.entries())
      if (driver === 'aws' && KINDS.includes(kind)) await this.#journal.forget({ driver: 'aws', kind, name });
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
      await this.#record('vpc', { id: vpcId });
    }
    await asked('name the machines', ec2.modifyVpcAttribute({ VpcId: vpcId, EnableDnsHostnames: { Value: true } }));
    const gatewayId = await this.#ensureGateway(ec2, vpcId);
    const tableId = await this.#ensureRouteTable(ec2, { vpcId, gatewayId });
    return { vpcId, subnets: await this.#ensureSubnets(ec2, { vpcId, tableId, settings }) };
  }

  async #ensureGateway(ec2: EC2, vpcId: string): Promise<string> {
    const known = (await asked('look for the gateway', ec2.describeInternetGateways({ Filters: ofCluster(this.#cluster) })))
      .InternetGateways?.[0];
    let id = known?.InternetGatewayId;
    if (!id) {
      await this.#record('internet-gateway');
      const tags = [tagged('internet-gateway', tagsOf(this.#cluster, nameOf(this.#cluster)))];
      id = (await asked('make a gateway', ec2.createInternetGateway({ TagSpecifications: tags }))).InternetGateway?.InternetGatewayId ?? '';
      await this.#record('internet-gateway', { id });
    }
    if (!known?.Attachments?.length) {
      const attach = ec2.attachInternetGateway({ InternetGatewayId: id, VpcId: vpcId });
      await asked('attach the gateway', attach.catch(unlessFault('Resource.AlreadyAssociated')));
    }
    return id;
  }

  async #ensureRouteTable(ec2: EC2, { vpcId, gatewayId }: { vpcId: string; gatewayId: string }): Promise<string> {
    const known = (await asked('look for the route table', ec2.describeRouteTables({ Filters: ofCluster(this.#cluster) })))
      .RouteTables?.[0];
    let id = known?.RouteTableId;
    if (!id) {
      await this.#record('route-table');
      const tags = [tagged('route-table', tagsOf(this.#cluster, nameOf(this.#cluster)))];
      id =
        (await asked('make a route table', ec2.createRouteTable({ VpcId: vpcId, TagSpecifications: tags }))).RouteTable?.RouteTableId ?? '';
      await this.#record('route-table', { id });
    }
    if (!known?.Routes?.some((route) => route.DestinationCidrBlock === '0.0.0.0/0')) {
      const route = ec2.createRoute({ RouteTableId: id, DestinationCidrBlock: '0.0.0.0/0', GatewayId: gatewayId });
      await asked('route to the gateway', route.catch(unlessFault('RouteAlreadyExists')));
    }
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
    const known = await this.#subnets(ec2);
    const table = (await asked('look for the route table', ec2.describeRouteTables({ RouteTableIds: [tableId] }))).RouteTables?.[0];
    const subnets: { id: string; zone: string }[] = [];
    for (const [index, zone] of wanted.entries()) {
      const isIn = (subnet: Subnet): boolean => subnet.AvailabilityZone === zone;
      const subnet = known.find(isIn) ?? (await this.#makeSubnet(ec2, { vpcId, zone, cidr: blockOf(settings.cidr, index) }));
      const id = subnet.SubnetId ?? '';
      if (!subnet.MapPublicIpOnLaunch) {
        const publish = ec2.modifySubnetAttribute({ SubnetId: id, MapPublicIpOnLaunch: { Value: true } });
        await asked(`give machines in ${zone} public addresses`, publish);
      }
      if (!table?.Associations?.some((association) => association.SubnetId === id)) {
        const route = ec2.associateRouteTable({ RouteTableId: tableId, SubnetId: id });
        await asked('route the subnet', route.catch(unlessFault('Resource.AlreadyAssociated')));
      }
      subnets.push({ id, zone });
    }
    return subnets;
  }

  async #makeSubnet(ec2: EC2, { vpcId, zone, cidr }: { vpcId: string; zone: string; cidr: string }): Promise<Subnet> {
    const name = `${nameOf(this.#cluster)}-${zone}`;
    const TagSpecifications = [tagged('subnet', tagsOf(this.#cluster, name))];
    await this.#record('subnet', { name });
    try {
      const made = await ec2.createSubnet({ VpcId: vpcId, AvailabilityZone: zone, CidrBlock: cidr, TagSpecifications });
      await this.#record('subnet', { name, id: made.Subnet?.SubnetId });
      return made.Subnet ?? {};
    } catch (error) {
      // Repeated by the SDK after its answer was lost, or a stranger's.
      const ours = (await this.#subnets(ec2)).find((subnet) => subnet.AvailabilityZone === zone);
      return ours ?? asked(`make a subnet in ${zone}`, Promise.reject(error));
    }
  }

  async #subnets(ec2: EC2): Promise<Subnet[]> {
    return (await asked('look for subnets', ec2.describeSubnets({ Filters: ofCluster(this.#cluster) }))).Subnets ?? [];
  }

  async #ensureGroup(ec2: EC2, vpcId: string, settings: AwsNetworkSettings): Promise<string> {
    const name = nameOf(this.#cluster);
    const known = await findGroup(ec2, this.#cluster);
    let id = known?.GroupId;
    if (!id) {
      await this.#record('security-group');
      const request = {
        GroupName: name,
        Description: `nodes of the cluster ${this.#cluster}`,
        VpcId: vpcId,
        TagSpecifications: [tagged('security-group', tagsOf(this.#cluster, name))],
      };
      // There already: it was made by a request whose answer was lost.
      const make = ec2.createSecurityGroup(request).catch(unlessFault('InvalidGroup.Duplicate'));
      id = ((await asked('make a security group', make)) ?? (await findGroup(ec2, this.#cluster)))?.GroupId;
      if (!id)
        throw new SlipwayError('NAME_TAKEN', {
          tried: `make the security group ${name}`,
          cause: `${vpcId} has one of that name, without the tag of this cluster`,
          advice: [`aws ec2 describe-security-groups --filters Name=vpc-id,Values=${vpcId} Name=group-name,Values=${name}`],
        });
      await this.#record('security-group', { id });
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

  /** Where a lost answer has made AWS make two, the one that was written down; the other goes with the cluster. */
  async #vpc(ec2: EC2): Promise<Vpc | undefined> {
    const { Vpcs = [] } = await asked('look for the network', ec2.describeVpcs({ Filters: ofCluster(this.#cluster) }));
    const noted = (await this.#journal.entries()).find((entry) => entry.driver === 'aws' && entry.kind === 'vpc')?.id;
    return Vpcs.find((vpc) => vpc.VpcId === noted) ?? Vpcs[0];
  }

  #record(kind: string, { name = nameOf(this.#cluster), id }: { name?: string; id?: string | undefined } = {}): Promise<void> {
    return this.#journal.record({ kind, name, driver: 'aws', id, details: { region: this.#clients.region } });
  }
}

/** Of the cluster's machines. */
export const findGroup = async (ec2: EC2, cluster: string): Promise<SecurityGroup | undefined> => {
  const filters = ofCluster(cluster, { Name: 'group-name', Values: [nameOf(cluster)] });
  return (await asked('look for the security group', ec2.describeSecurityGroups({ Filters: filters }))).SecurityGroups?.[0];
};

export const nameOf = (cluster: string): string => `slipway-${cluster}`;

/** A sixteenth of a network. */
const blockOf = (cidr: string, index: number): string => cidr.replace(/\.\d+\.\d+\/16$/, `.${index * 16}.0/20`);

const subnetOf = (subnet: Subnet): { id: string; zone: string } => ({ id: subnet.SubnetId ?? '', zone: subnet.AvailabilityZone ?? '' });
