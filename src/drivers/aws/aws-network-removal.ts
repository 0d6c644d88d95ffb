import type { EC2 } from '@aws-sdk/client-ec2';
import { asked, unlessFault } from './aws-clients.ts';
import { ofCluster } from './aws-tags.ts';
import { retryWhileInUse } from './aws-wait.ts';

/**
 * Everything of a network that carries the cluster's tag, in the order in which AWS lets go; interfaces of balancers and machines linger for
 * minutes. Of each kind there may be several: AWS makes some twice when an answer is lost. A network that was given has no tag, and stays.
 */
export const removeNetwork = async (ec2: EC2, cluster: string): Promise<void> => {
  const query = { Filters: ofCluster(cluster) };
  for (const group of (await asked('look for security groups', ec2.describeSecurityGroups(query))).SecurityGroups ?? []) {
    const { GroupId, IpPermissions = [] } = group;
    // Rules that name each other would keep both.
    if (IpPermissions.length)
      await asked(
        `close the security group ${GroupId}`,
        ec2
          .revokeSecurityGroupIngress({ GroupId, IpPermissions })
          .catch(unlessFault('InvalidPermission.NotFound', 'InvalidGroup.NotFound')),
      );
    await retryWhileInUse(`remove the security group ${GroupId}`, () => ec2.deleteSecurityGroup({ GroupId }));
  }
  for (const { SubnetId } of (await asked('look for subnets', ec2.describeSubnets(query))).Subnets ?? [])
    await retryWhileInUse(`remove the subnet ${SubnetId}`, () => ec2.deleteSubnet({ SubnetId }));
  for (const { RouteTableId, Associations = [] } of (await asked('look for route tables', ec2.describeRouteTables(query))).RouteTables ??
    []) {
    for (const { RouteTableAssociationId: AssociationId } of Associations)
      await asked(
        `take the route table ${RouteTableId} from its subnet`,
        ec2.disassociateRouteTable({ AssociationId }).catch(unlessFault('InvalidAssociationID.NotFound')),
      );
    await retryWhileInUse(`remove the route table ${RouteTableId}`, () => ec2.deleteRouteTable({ RouteTableId }));
  }
  for (const gateway of (await asked('look for gateways', ec2.describeInternetGateways(query))).InternetGateways ?? []) {
    const { InternetGatewayId, Attachments = [] } = gateway;
    for (const { VpcId } of Attachments)
      await asked(
        `detach the gateway ${InternetGatewayId}`,
        ec2
          .detachInternetGateway({ InternetGatewayId, VpcId })
          .catch(unlessFault('Gateway.NotAttached', 'InvalidInternetGatewayID.NotFound')),
      );
    await retryWhileInUse(`remove the gateway ${InternetGatewayId}`, () => ec2.deleteInternetGateway({ InternetGatewayId }));
  }
  for (const { VpcId } of (await asked('look for networks', ec2.describeVpcs(query))).Vpcs ?? [])
    await retryWhileInUse(`remove the network ${VpcId}`, () => ec2.deleteVpc({ VpcId }));
};
