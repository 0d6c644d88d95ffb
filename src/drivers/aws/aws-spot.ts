import type { EC2, RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { asked } from './aws-clients.ts';
import { terminateInstance } from './aws-instances.ts';
import { NODE_TAG, ofCluster } from './aws-tags.ts';

/**
 * EC2 stops only instances of persistent requests, and what it takes back it then stops as well, so that the disk stays and the machine comes back
 * by itself. The other side of it: a request that is not cancelled starts another instance when its own is terminated.
 */
export const SPOT_OPTIONS: NonNullable<RunInstancesCommandInput['InstanceMarketOptions']> = {
  MarketType: 'spot',
  SpotOptions: { SpotInstanceType: 'persistent', InstanceInterruptionBehavior: 'stop' },
};

/** Of requests that start instances, or would: those that were cancelled or have failed do nothing more. */
const ALIVE = ['open', 'active', 'disabled'];

/**
 * Cancels the spot requests of a cluster, or of one node of it, and then terminates what they have started. Both by the requests' own tags: an
 * instance that a request starts by itself need not have any.
 */
export const endSpotRequests = async (ec2: EC2, { cluster, node }: { cluster: string; node?: string }): Promise<void> => {
  const { paginateDescribeSpotInstanceRequests } = await import('./sdk-ec2.ts');
  const ofNode = node === undefined ? [] : [{ Name: `tag:${NODE_TAG}`, Values: [node] }];
  const query = { Filters: ofCluster(cluster, { Name: 'state', Values: ALIVE }, ...ofNode) };
  const requests: string[] = [];
  const instances: string[] = [];
  const look = async (): Promise<void> => {
    for await (const page of paginateDescribeSpotInstanceRequests({ client: ec2, pageSize: 100 }, query))
      for (const { SpotInstanceRequestId, InstanceId } of page.SpotInstanceRequests ?? []) {
        if (SpotInstanceRequestId) requests.push(SpotInstanceRequestId);
        if (InstanceId) instances.push(InstanceId);
      }
  };
  await asked('look for spot requests', look());
  if (requests.length) await asked('cancel spot requests', ec2.cancelSpotInstanceRequests({ SpotInstanceRequestIds: requests }));
  for (const instance of instances) await terminateInstance(ec2, instance);
};
