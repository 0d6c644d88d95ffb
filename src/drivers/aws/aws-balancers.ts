import type { ElasticLoadBalancingV2, Listener, LoadBalancer, TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { BalancerSpec } from '../../controllers/cloud.ts';
import { type AwsClients, asked, unlessFault } from './aws-clients.ts';
import { CLUSTER_TAG } from './aws-tags.ts';
import { pollUntil, retryWhileInUse } from './aws-wait.ts';

const INTERNAL = 'service.beta.kubernetes.io/aws-load-balancer-internal';

/** Where balancers of a cluster are put, as its machines are. */
export interface BalancerPlace {
  cluster: string;
  vpcId: string;
  subnetIds: string[];
}

/** A network load balancer: one listener and one target group a port, each instance a target at the node port. Answers its DNS name. */
export const ensureBalancer = async (clients: AwsClients, place: BalancerPlace, wanted: BalancerSpec): Promise<string> => {
  const elb = await clients.balancing();
  const tried = `make the balancer of ${wanted.service}`;
  const balancer = (await findBalancer(elb, wanted.id)) ?? (await asked(tried, createBalancer(elb, place, wanted)));
  const arn = balancer.LoadBalancerArn ?? '';
  await asked(tried, crossZones(elb, arn));
  const listeners = (await asked(tried, elb.describeListeners({ LoadBalancerArn: arn }))).Listeners ?? [];
  for (const port of wanted.ports) {
    const group = await ensureTargets(elb, place, { wanted, port });
    const there = listeners.find((listener) => listener.Port === port.port && listener.Protocol === port.protocol);
    if (!there) await asked(tried, elb.createListener(listenerOf(arn, { port, groupArn: group, place })));
  }
  for (const listener of listeners.filter(
    (each) => !wanted.ports.some((port) => port.port === each.Port && port.protocol === each.Protocol),
  ))
    await removeListener(elb, listener);
  return balancer.DNSName ?? '';
};

export const removeBalancer = async (clients: AwsClients, id: string): Promise<void> => {
  const elb = await clients.balancing();
  const balancer = await findBalancer(elb, id);
  if (balancer) await removeWhole(elb, balancer);
  for (const group of await allGroups(elb))
    if (group.TargetGroupName?.startsWith(groupPrefix(id))) await removeGroup(elb, group.TargetGroupArn);
};

/** What Services have left behind when their cluster goes. */
export const removeBalancers = async (clients: AwsClients, cluster: string): Promise<void> => {
  const elb = await clients.balancing();
  const balancers = await allBalancers(elb);
  const ours = await ofCluster(
    elb,
    cluster,
    balancers.map((balancer) => balancer.LoadBalancerArn ?? ''),
  );
  for (const balancer of balancers) if (ours.has(balancer.LoadBalancerArn ?? '')) await removeWhole(elb, balancer);
  const groups = (await allGroups(elb)).map((group) => group.TargetGroupArn ?? '');
  for (const arn of await ofCluster(elb, cluster, groups)) await removeGroup(elb, arn);
};

const createBalancer = async (elb: ElasticLoadBalancingV2, place: BalancerPlace, wanted: BalancerSpec): Promise<LoadBalancer> => {
  const { LoadBalancers = [] } = await elb.createLoadBalancer({
    Name: wanted.id,
    Type: 'network',
    Scheme: wanted.annotations[INTERNAL] === 'true' ? 'internal' : 'internet-facing',
    Subnets: place.subnetIds,
    Tags: tags(place.cluster, wanted.service),
  });
  return LoadBalancers[0] ?? {};
};

const CROSS_ZONE = 'load_balancing.cross_zone.enabled';

/** Else a zone without a node of the Service would answer nothing. Looked at each time: a crash may have come between. */
const crossZones = async (elb: ElasticLoadBalancingV2, LoadBalancerArn: string): Promise<void> => {
  const { Attributes = [] } = await elb.describeLoadBalancerAttributes({ LoadBalancerArn });
  if (Attributes.some(({ Key, Value }) => Key === CROSS_ZONE && Value === 'true')) return;
  await elb.modifyLoadBalancerAttributes({ LoadBalancerArn, Attributes: [{ Key: CROSS_ZONE, Value: 'true' }] });
};

const tags = (cluster: string, service: string): { Key: string; Value: string }[] => [
  { Key: CLUSTER_TAG, Value: cluster },
  { Key: 'kubernetes.io/service-name', Value: service },
];

type Port = BalancerSpec['ports'][number];

const listenerOf = (arn: string, { port, groupArn, place }: { port: Port; groupArn: string; place: BalancerPlace }) => ({
  LoadBalancerArn: arn,
  Protocol: port.protocol,
  Port: port.port,
  DefaultActions: [{ Type: 'forward' as const, TargetGroupArn: groupArn }],
  Tags: [{ Key: CLUSTER_TAG, Value: place.cluster }],
});

/** At most 32 letters; balancers of one name do not share groups. */
const groupPrefix = (id: string): string => `${id.slice(0, 24)}-`;
const groupName = (id: string, port: Port): string => `${groupPrefix(id)}${port.protocol === 'UDP' ? 'u' : 't'}${port.port}`;

/** The target group of a port with just the wanted targets. A node port that changed is a change of targets: a group's own port is only their default. */
const ensureTargets = async (
  elb: ElasticLoadBalancingV2,
  place: BalancerPlace,
  { wanted, port }: { wanted: BalancerSpec; port: Port },
): Promise<string> => {
  const name = groupName(wanted.id, port);
  const tried = `make the target group ${name}`;
  const check = wanted.healthCheck;
  const health = {
    HealthCheckProtocol: check.protocol,
    HealthCheckPort: String(check.port),
    ...(check.protocol === 'HTTP' ? { HealthCheckPath: check.path } : {}),
    HealthCheckIntervalSeconds: 10,
    HealthyThresholdCount: 2,
    UnhealthyThresholdCount: 2,
  };
  const look = elb.describeTargetGroups({ Names: [name] }).catch(unlessFault('TargetGroupNotFound'));
  const known = (await asked(tried, look))?.TargetGroups?.[0];
  let arn = known?.TargetGroupArn;
  if (!arn) {
    const request = { Name: name, Protocol: port.protocol, Port: port.nodePort, VpcId: place.vpcId, TargetType: 'instance' as const };
    const made = await asked(tried, elb.createTargetGroup({ ...request, ...health, Tags: tags(place.cluster, wanted.service) }));
    arn = made.TargetGroups?.[0]?.TargetGroupArn ?? '';
  } else if (known?.HealthCheckPort !== health.HealthCheckPort || known.HealthCheckProtocol !== health.HealthCheckProtocol)
    await asked(tried, elb.modifyTargetGroup({ TargetGroupArn: arn, ...health }));
  const { TargetHealthDescriptions = [] } = await asked(tried, elb.describeTargetHealth({ TargetGroupArn: arn }));
  const there = TargetHealthDescriptions.filter((each) => each.TargetHealth?.State !== 'draining').map((each) => each.Target ?? { Id: '' });
  const targets = wanted.nodes.map((node) => ({ Id: node.providerId.split('/').at(-1) ?? '', Port: port.nodePort }));
  const isIn = (
    list: readonly { Id: string | undefined; Port?: number | undefined }[],
    target: { Id: string | undefined; Port?: number | undefined },
  ): boolean => list.some((each) => each.Id === target.Id && each.Port === target.Port);
  const missing = targets.filter((target) => !isIn(there, target));
  const extra = there.filter((target) => !isIn(targets, target));
  if (missing.length) await asked(tried, elb.registerTargets({ TargetGroupArn: arn, Targets: missing }));
  if (extra.length) await asked(tried, elb.deregisterTargets({ TargetGroupArn: arn, Targets: extra }));
  return arn;
};

const removeListener = async (elb: ElasticLoadBalancingV2, listener: Listener): Promise<void> => {
  await asked('remove a listener', elb.deleteListener({ ListenerArn: listener.ListenerArn }).catch(unlessFault('ListenerNotFound')));
  for (const action of listener.DefaultActions ?? []) await removeGroup(elb, action.TargetGroupArn);
};

const removeWhole = async (elb: ElasticLoadBalancingV2, balancer: LoadBalancer): Promise<void> => {
  const arn = balancer.LoadBalancerArn;
  const tried = `remove the balancer ${balancer.LoadBalancerName}`;
  const { Listeners = [] } = (await elb.describeListeners({ LoadBalancerArn: arn }).catch(unlessFault('LoadBalancerNotFound'))) ?? {};
  for (const listener of Listeners) await removeListener(elb, listener);
  await asked(tried, elb.deleteLoadBalancer({ LoadBalancerArn: arn }));
  await pollUntil(tried, async () => ((await findBalancer(elb, balancer.LoadBalancerName ?? '')) ? undefined : true));
};

const removeGroup = (elb: ElasticLoadBalancingV2, arn: string | undefined): Promise<void> =>
  retryWhileInUse('remove a target group', () => elb.deleteTargetGroup({ TargetGroupArn: arn }));

const findBalancer = async (elb: ElasticLoadBalancingV2, name: string): Promise<LoadBalancer | undefined> =>
  (await asked('look for a balancer', elb.describeLoadBalancers({ Names: [name] }).catch(unlessFault('LoadBalancerNotFound'))))
    ?.LoadBalancers?.[0];

const allBalancers = async (elb: ElasticLoadBalancingV2): Promise<LoadBalancer[]> => {
  const found: LoadBalancer[] = [];
  let marker: string | undefined;
  do {
    const page = await asked('list the balancers', elb.describeLoadBalancers(marker ? { Marker: marker } : {}));
    found.push(...(page.LoadBalancers ?? []));
    marker = page.NextMarker;
  } while (marker);
  return found;
};

const allGroups = async (elb: ElasticLoadBalancingV2): Promise<TargetGroup[]> => {
  const found: TargetGroup[] = [];
  let marker: string | undefined;
  do {
    const page = await asked('list the target groups', elb.describeTargetGroups(marker ? { Marker: marker } : {}));
    found.push(...(page.TargetGroups ?? []));
    marker = page.NextMarker;
  } while (marker);
  return found;
};

/** Those of the ARNs that carry the cluster's tag; asked for twenty at a time, as AWS allows. */
const ofCluster = async (elb: ElasticLoadBalancingV2, cluster: string, arns: readonly string[]): Promise<Set<string>> => {
  const found = new Set<string>();
  for (let start = 0; start < arns.length; start += 20) {
    const { TagDescriptions = [] } = await asked('read tags', elb.describeTags({ ResourceArns: arns.slice(start, start + 20) }));
    for (const { ResourceArn, Tags = [] } of TagDescriptions)
      if (ResourceArn && Tags.some((tag) => tag.Key === CLUSTER_TAG && tag.Value === cluster)) found.add(ResourceArn);
  }
  return found;
};
