/** Everything that a test needs to believe that it speaks to AWS: moto, the shim before it, and hosts behind its instances. */
import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { IAM } from '@aws-sdk/client-iam';
import type { Suite } from '../suite.ts';
import { type AwsHosts, watchInstances } from './aws-hosts.ts';
import { type AwsShim, startShim } from './aws-shim.ts';
import { METADATA_ADDRESS, serveMetadata } from './metadata.ts';
import { findMoto, NEWEST_DEBIAN, type RunningMoto, startMoto } from './moto.ts';

/** Documentation's own range: nothing else is there. */
const ADDRESS = '198.51.100.10';
export const REGION = 'eu-central-1';

export interface AwsWorld {
  shim: AwsShim;
  /** Asks moto itself, past the shim. */
  ec2: EC2;
  moto: RunningMoto;
  hosts: AwsHosts;
  /** For programs that are to use this AWS. */
  env: Record<string, string>;
  elb: ElasticLoadBalancingV2;
  /** Balancers and target groups, by name. */
  balancers(): Promise<string[]>;
  /** What carries the cluster's tag, or is a disk, a balancer, a role: one line each. */
  leftovers(cluster: string): Promise<string[]>;
  close(): Promise<void>;
}

export const startAwsWorld = async (suite: Suite): Promise<AwsWorld> => {
  const found = findMoto();
  if ('missing' in found) throw new Error(found.missing);
  await suite.run(['ip', 'address', 'add', `${ADDRESS}/32`, 'dev', 'lo']);
  const moto = await startMoto({
    python: found.python,
    folder: suite.root,
    port: 5055,
  });
  const shim = await startShim({
    moto: moto.endpoint,
    address: ADDRESS,
    port: 5056,
  });
  shim.parameters.set('/aws/service/debian/release/12/latest/amd64', NEWEST_DEBIAN);
  const settings = { region: REGION, endpoint: moto.endpoint, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const [ec2, elb, iam] = [new EC2(settings), new ElasticLoadBalancingV2(settings), new IAM(settings)];
  const balancers = async (): Promise<string[]> => {
    const [{ LoadBalancers = [] }, { TargetGroups = [] }] = await Promise.all([
      elb.describeLoadBalancers({}),
      elb.describeTargetGroups({}),
    ]);
    return [...LoadBalancers.map((each) => each.LoadBalancerName ?? '?'), ...TargetGroups.map((each) => each.TargetGroupName ?? '?')];
  };
  await suite.run(['ip', 'address', 'add', `${METADATA_ADDRESS}/32`, 'dev', 'lo']);
  const hosts = await watchInstances(suite, ec2);
  const metadata = await serveMetadata((address) => hosts.hasProfile(address));
  const env = {
    AWS_ENDPOINT_URL: shim.endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
    SLIPWAY_AWS_POLL_MS: '100',
  };
  Object.assign(process.env, env);
  return {
    shim,
    ec2,
    moto,
    hosts,
    env,
    elb,
    balancers,
    leftovers: async (cluster) => {
      const { Roles = [] } = await iam.listRoles({});
      return [...(await leftoversIn(ec2, cluster)), ...(await balancers()), ...Roles.map((role) => role.RoleName ?? '?')];
    },
    close: async () => {
      await hosts.close();
      metadata.close();
      shim.close();
      moto.close();
    },
  };
};

const leftoversIn = async (ec2: EC2, cluster: string): Promise<string[]> => {
  const query = {
    Filters: [{ Name: 'tag:slipway/cluster', Values: [cluster] }],
  };
  const lines = <T>(found: readonly T[] | undefined, name: (item: T) => string | undefined): string[] =>
    (found ?? []).map((item) => name(item) ?? '?');
  const alive = [
    {
      Name: 'instance-state-name',
      Values: ['pending', 'running', 'stopping', 'stopped'],
    },
  ];
  return (
    await Promise.all([
      ec2.describeInstances({ Filters: [...query.Filters, ...alive] }).then((found) =>
        lines(
          found.Reservations?.flatMap((reservation) => reservation.Instances ?? []),
          (instance) => instance.InstanceId,
        ),
      ),
      ec2.describeVpcs(query).then((found) => lines(found.Vpcs, (vpc) => vpc.VpcId)),
      ec2.describeSubnets(query).then((found) => lines(found.Subnets, (subnet) => subnet.SubnetId)),
      ec2.describeSecurityGroups(query).then((found) => lines(found.SecurityGroups, (group) => group.GroupId)),
      ec2.describeInternetGateways(query).then((found) => lines(found.InternetGateways, (gateway) => gateway.InternetGatewayId)),
      ec2.describeRouteTables(query).then((found) => lines(found.RouteTables, (table) => table.RouteTableId)),
      ec2.describeKeyPairs(query).then((found) => lines(found.KeyPairs, (pair) => pair.KeyName)),
      ec2.describeVolumes({}).then((found) => lines(found.Volumes, (volume) => volume.VolumeId)),
    ])
  ).flat();
};
