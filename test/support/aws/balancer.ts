import { connect, createServer } from 'node:net';
import type { EC2 } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';

/**
 * The packets of a network load balancer, which moto has only on paper: a port of the loopback whose connections go to the targets of the listener's
 * group, as they are at that moment, one after the other.
 */
export const serveBalancer = async (
  { elb, ec2 }: { elb: ElasticLoadBalancingV2; ec2: EC2 },
  { hostname, port }: { hostname: string; port: number },
): Promise<{ url: string; close: () => void }> => {
  let turn = 0;
  const nextTarget = async (): Promise<{ host: string; port: number }> => {
    const { LoadBalancers = [] } = await elb.describeLoadBalancers({});
    const balancer = LoadBalancers.find((each) => each.DNSName === hostname);
    if (!balancer) throw new Error(`there is no balancer ${hostname}`);
    const { Listeners = [] } = await elb.describeListeners({ LoadBalancerArn: balancer.LoadBalancerArn });
    const group = Listeners.find((each) => each.Port === port)?.DefaultActions?.[0]?.TargetGroupArn;
    const { TargetHealthDescriptions = [] } = await elb.describeTargetHealth({ TargetGroupArn: group });
    const target = TargetHealthDescriptions[turn++ % TargetHealthDescriptions.length]?.Target;
    const { Reservations = [] } = await ec2.describeInstances({ InstanceIds: [target?.Id ?? ''] });
    return { host: Reservations[0]?.Instances?.[0]?.PrivateIpAddress ?? '', port: target?.Port ?? 0 };
  };
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    nextTarget().then(
      (target) => {
        const machine = connect(target).on('error', () => client.destroy());
        client.pipe(machine).pipe(client);
      },
      () => client.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`, close: () => void server.close() };
};
