import type { EC2, Instance } from '@aws-sdk/client-ec2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Machine, MachineId } from '../driver.ts';
import { asked, unlessFault } from './aws-clients.ts';
import { CLUSTER_TAG, NODE_TAG, ofCluster, tagIn } from './aws-tags.ts';
import { pollUntil } from './aws-wait.ts';

/** Those that are there, or are on their way. A terminated one stays listed for an hour. */
const ALIVE = ['pending', 'running', 'stopping', 'stopped'];

export const findInstance = async (ec2: EC2, id: MachineId): Promise<Instance | undefined> =>
  (await listInstances(ec2, id.cluster)).find((instance) => tagIn(instance.Tags, NODE_TAG) === id.name);

/** Sorted by node. */
export const listInstances = async (ec2: EC2, cluster: string): Promise<Instance[]> => {
  const { paginateDescribeInstances } = await import('./sdk-ec2.ts');
  const found: Instance[] = [];
  const query = { Filters: ofCluster(cluster, { Name: 'instance-state-name', Values: ALIVE }) };
  const pages = paginateDescribeInstances({ client: ec2, pageSize: 100 }, query);
  await asked(
    'list the instances',
    (async () => {
      for await (const page of pages) for (const reservation of page.Reservations ?? []) found.push(...(reservation.Instances ?? []));
    })(),
  );
  return found.filter((instance) => tagIn(instance.Tags, NODE_TAG)).sort((a, b) => nodeOf(a).localeCompare(nodeOf(b)));
};

const nodeOf = (instance: Instance): string => tagIn(instance.Tags, NODE_TAG) ?? '';

/** Waits for a state, and answers with the instance as it is then. Throws TIMEOUT, and STEP_FAILED for one that AWS took away. */
export const awaitState = (
  ec2: EC2,
  instanceId: string,
  { state, signal }: { state: 'running' | 'stopped' | 'terminated'; signal?: AbortSignal },
): Promise<Instance> =>
  pollUntil(
    `see the instance ${instanceId} ${state}`,
    async () => {
      // AWS may not know yet of an instance that it has just made.
      const look = ec2.describeInstances({ InstanceIds: [instanceId] }).catch(unlessFault('InvalidInstanceID.NotFound'));
      const answer = await asked(`look for the instance ${instanceId}`, look);
      const instance = answer?.Reservations?.[0]?.Instances?.[0];
      const now = instance?.State?.Name;
      if (state !== 'terminated' && (now === 'terminated' || now === 'shutting-down'))
        throw new SlipwayError('STEP_FAILED', {
          tried: `start the instance ${instanceId}`,
          cause: `AWS ended it: ${instance?.StateReason?.Message ?? 'it gives no reason'}`,
        });
      return now === state ? instance : undefined;
    },
    { signal },
  );

/** Also one that is gone already. */
export const terminateInstance = async (ec2: EC2, instanceId: string): Promise<void> => {
  const end = ec2.terminateInstances({ InstanceIds: [instanceId] }).catch(unlessFault('InvalidInstanceID.NotFound'));
  if (await asked(`terminate the instance ${instanceId}`, end)) await awaitState(ec2, instanceId, { state: 'terminated' });
};

export const machineOf = (instance: Instance): Machine => ({
  cluster: tagIn(instance.Tags, CLUSTER_TAG) ?? '',
  name: nodeOf(instance),
  state: instance.State?.Name === 'running' || instance.State?.Name === 'pending' ? 'running' : 'stopped',
  address: instance.PrivateIpAddress ?? '',
  externalAddress: instance.PublicIpAddress ?? instance.PrivateIpAddress,
  // Subnets of several zones: what is not an instance's own address is not routed between them.
  sameNetwork: false,
});
