import type { EC2, Instance, RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { asked, faultOf, unlessFault } from './aws-clients.ts';
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

/** A node, or all of a cluster. */
export interface SpotQuestion {
  cluster: string;
  node?: string;
  /**
   * Where they are known, the instances that are to go: their requests are cancelled also where EC2 does not list them yet. Without a spot instance
   * among them, a lacking right to list requests is passed over: rights from before a cluster had any must be enough to take it away.
   */
  instances?: readonly Instance[];
}

/**
 * Cancels the spot requests of a cluster, or of one node of it, and then terminates what they have started. Both by the requests' own tags: an
 * instance that a request starts by itself need not have any.
 */
export const endSpotRequests = async (ec2: EC2, question: SpotQuestion): Promise<void> => {
  const own = question.instances?.filter((instance) => instance.InstanceLifecycle === 'spot' || instance.SpotInstanceRequestId);
  const { requests, started } = await listSpotRequests(ec2, question).catch((error: unknown): SpotRequests | Promise<never> => {
    if (own?.length === 0 && faultOf(error) === 'UnauthorizedOperation') return { requests: [], started: [] };
    return asked('look for spot requests', Promise.reject(error));
  });
  if (requests.length) await asked('cancel spot requests', ec2.cancelSpotInstanceRequests({ SpotInstanceRequestIds: requests }));
  for (const { SpotInstanceRequestId: id } of own ?? []) {
    if (!id || requests.includes(id)) continue;
    // One that was cancelled long ago is forgotten.
    const cancel = ec2
      .cancelSpotInstanceRequests({ SpotInstanceRequestIds: [id] })
      .catch(unlessFault('InvalidSpotInstanceRequestID.NotFound'));
    await asked(`cancel the spot request ${id}`, cancel);
  }
  for (const instance of started) await terminateInstance(ec2, instance);
};

interface SpotRequests {
  requests: string[];
  /** The instances of them. */
  started: string[];
}

const listSpotRequests = async (ec2: EC2, { cluster, node }: SpotQuestion): Promise<SpotRequests> => {
  const { paginateDescribeSpotInstanceRequests } = await import('./sdk-ec2.ts');
  const ofNode = node === undefined ? [] : [{ Name: `tag:${NODE_TAG}`, Values: [node] }];
  const query = { Filters: ofCluster(cluster, { Name: 'state', Values: ALIVE }, ...ofNode) };
  const requests: string[] = [];
  const started: string[] = [];
  for await (const page of paginateDescribeSpotInstanceRequests({ client: ec2, pageSize: 100 }, query))
    for (const { SpotInstanceRequestId, InstanceId } of page.SpotInstanceRequests ?? []) {
      if (SpotInstanceRequestId) requests.push(SpotInstanceRequestId);
      if (InstanceId) started.push(InstanceId);
    }
  return { requests, started };
};
