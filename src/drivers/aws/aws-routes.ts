import type { EC2 } from '@aws-sdk/client-ec2';
import { parseIpv4Range, rangesOverlap } from '../../base/net/ipv4-range.ts';
import type { CloudRoutes } from '../../controllers/cloud.ts';
import { type AwsClients, asked, unlessFault } from './aws-clients.ts';
import { findGroup } from './aws-network.ts';
import { ofCluster } from './aws-tags.ts';

/** What the rule that lets in pods is told by. */
const FROM_PODS = 'slipway pods';

/** The table of the network that was made for the cluster, by which pods reach each other where `podRoutes` is set (ADR 90). */
export const createAwsRoutes = (clients: AwsClients, cluster: string): CloudRoutes => {
  const tableOf = async (ec2: EC2) =>
    (await asked('look for the route table', ec2.describeRouteTables({ Filters: ofCluster(cluster) }))).RouteTables?.[0];

  return {
    list: async (podCidr) => {
      const table = await tableOf(await clients.ec2());
      return (table?.Routes ?? []).flatMap(({ DestinationCidrBlock: range, InstanceId: machine = '' }) =>
        range && isWithin(range, podCidr) ? [{ range, machine }] : [],
      );
    },
    ensure: async ({ range, machine }, { podCidr }) => {
      const ec2 = await clients.ec2();
      await letPodsIn(ec2, { cluster, podCidr });
      const { RouteTableId } = (await tableOf(ec2)) ?? {};
      const route = { RouteTableId, DestinationCidrBlock: range, InstanceId: machine };
      const tried = `lead ${range} to ${machine}`;
      const made = await asked(tried, ec2.createRoute(route).catch(unlessFault('RouteAlreadyExists')));
      if (!made) await asked(tried, ec2.replaceRoute(route));
    },
    remove: async (range) => {
      const ec2 = await clients.ec2();
      const { RouteTableId } = (await tableOf(ec2)) ?? {};
      const gone = unlessFault('InvalidRoute.NotFound', 'InvalidRouteTableID.NotFound');
      await asked(`remove the route of ${range}`, ec2.deleteRoute({ RouteTableId, DestinationCidrBlock: range }).catch(gone));
    },
  };
};

/** The group's own rule means the addresses of its machines, and no pod's. Nobody outside of the network can send from them. */
const letPodsIn = async (ec2: EC2, { cluster, podCidr }: { cluster: string; podCidr: string }): Promise<void> => {
  const group = await findGroup(ec2, cluster);
  if (!group?.GroupId || group.IpPermissions?.some(({ IpRanges }) => IpRanges?.some(({ CidrIp }) => CidrIp === podCidr))) return;
  const rule = { IpProtocol: '-1', IpRanges: [{ CidrIp: podCidr, Description: FROM_PODS }] };
  const open = ec2.authorizeSecurityGroupIngress({ GroupId: group.GroupId, IpPermissions: [rule] });
  await asked('let pods in', open.catch(unlessFault('InvalidPermission.Duplicate')));
};

const isWithin = (range: string, podCidr: string): boolean => {
  const [inner, outer] = [parseIpv4Range(range), parseIpv4Range(podCidr)];
  // The default route overlaps everything, and is no pod's.
  return inner !== undefined && outer !== undefined && inner.prefixLength >= outer.prefixLength && rangesOverlap(inner, outer);
};
