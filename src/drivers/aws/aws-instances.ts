import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EC2, Image, Instance, RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Journal, Machine, MachineId } from '../driver.ts';
import { asked, faultOf, unlessFault } from './aws-clients.ts';
import { CLUSTER_TAG, NODE_TAG, ofCluster, tagged, tagIn, tagsOf } from './aws-tags.ts';
import { pollMs, pollUntil } from './aws-wait.ts';

export interface InstanceWish {
  id: MachineId;
  image: Image;
  type: string;
  diskGiB: number;
  spot: boolean;
  /** In the order in which they are tried: a zone may have no capacity. */
  subnets: readonly { id: string; zone: string }[];
  securityGroupId: string;
  keyName: string;
  profileName: string | undefined;
  userData: string;
  tags: Readonly<Record<string, string>>;
}

/** Those that are there, or are on their way. A terminated one stays listed for an hour. */
const ALIVE = ['pending', 'running', 'stopping', 'stopped'];
/** Half a minute. */
const PROFILE_ATTEMPTS = 15;
const NO_CAPACITY = new Set(['InsufficientInstanceCapacity', 'SpotMaxPriceTooLow', 'Unsupported']);

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

/**
 * Asks for one instance, in the first zone that has room. The token makes a repeated request the same one: it stands in the journal before
 * the request, and a machine that was terminated gets another, as AWS refuses one whose instance is gone.
 */
export const runInstance = async (ec2: EC2, wish: InstanceWish, journal: Journal): Promise<string> => {
  const { id } = wish;
  let refusal: unknown;
  for (const subnet of wish.subnets) {
    for (let generation = await generationOf(journal, id); ; generation++) {
      const token = tokenOf(wish, { subnetId: subnet.id, generation });
      await journal.record({
        kind: 'machine',
        name: id.name,
        driver: 'aws',
        details: { token, generation: String(generation), zone: subnet.zone },
      });
      try {
        const { Instances = [] } = await runOnceProfileIsSeen(ec2, requestOf(wish, { subnetId: subnet.id, token }));
        const instanceId = Instances[0]?.InstanceId ?? '';
        const isGone = ['terminated', 'shutting-down'].includes(Instances[0]?.State?.Name ?? '');
        if (isGone) continue;
        await journal.record({
          kind: 'machine',
          name: id.name,
          driver: 'aws',
          id: instanceId,
          details: { token, generation: String(generation), zone: subnet.zone },
        });
        return instanceId;
      } catch (error) {
        if (faultOf(error) === 'IdempotentInstanceTerminated' || faultOf(error) === 'IdempotentParameterMismatch') continue;
        if (!NO_CAPACITY.has(faultOf(error))) return await asked(`start the instance ${id.name}`, Promise.reject(error));
        refusal = error;
        break;
      }
    }
  }
  return asked(`start the instance ${id.name} in ${wish.subnets.map((subnet) => subnet.zone).join(', ')}`, Promise.reject(refusal));
};

/** A profile that has just been made is unknown to EC2 for some seconds; the fault says no more than that a value is wrong. */
const runOnceProfileIsSeen = async (ec2: EC2, request: RunInstancesCommandInput): Promise<{ Instances?: Instance[] | undefined }> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ec2.runInstances(request);
    } catch (error) {
      if (!request.IamInstanceProfile || faultOf(error) !== 'InvalidParameterValue' || attempt >= PROFILE_ATTEMPTS) throw error;
      await delay(pollMs());
    }
  }
};

const generationOf = async (journal: Journal, id: MachineId): Promise<number> => {
  const known = (await journal.entries()).find((entry) => entry.kind === 'machine' && entry.name === id.name);
  return Number(known?.details?.['generation'] ?? 1);
};

/** What the request says is in it: a token may not be used for another request. At most 64 letters. */
const tokenOf = (wish: InstanceWish, attempt: { subnetId: string; generation: number }): string =>
  createHash('sha256')
    .update(JSON.stringify([wish.id.cluster, wish.id.name, wish.image.ImageId, wish.type, wish.diskGiB, wish.spot, wish.userData, attempt]))
    .digest('hex')
    .slice(0, 40);

const requestOf = (wish: InstanceWish, { subnetId, token }: { subnetId: string; token: string }): RunInstancesCommandInput => {
  const tags = tagsOf(wish.id.cluster, wish.id.name, { [NODE_TAG]: wish.id.name, ...wish.tags });
  return {
    ClientToken: token,
    MinCount: 1,
    MaxCount: 1,
    ImageId: wish.image.ImageId,
    InstanceType: wish.type as NonNullable<RunInstancesCommandInput['InstanceType']>,
    KeyName: wish.keyName,
    UserData: Buffer.from(wish.userData).toString('base64'),
    SubnetId: subnetId,
    SecurityGroupIds: [wish.securityGroupId],
    ...(wish.profileName ? { IamInstanceProfile: { Name: wish.profileName } } : {}),
    BlockDeviceMappings: [
      {
        DeviceName: wish.image.RootDeviceName ?? '/dev/xvda',
        Ebs: { VolumeSize: wish.diskGiB, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true },
      },
    ],
    // Version 2 with one hop: neither a request that is passed on nor a pod reaches it.
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1, HttpEndpoint: 'enabled' },
    ...(wish.spot ? { InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { SpotInstanceType: 'one-time' } } } : {}),
    TagSpecifications: [tagged('instance', tags), tagged('volume', tags)],
  };
};

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

export const machineOf = (instance: Instance): Machine => ({
  cluster: tagIn(instance.Tags, CLUSTER_TAG) ?? '',
  name: nodeOf(instance),
  state: instance.State?.Name === 'running' || instance.State?.Name === 'pending' ? 'running' : 'stopped',
  address: instance.PrivateIpAddress ?? '',
  externalAddress: instance.PublicIpAddress ?? instance.PrivateIpAddress,
  // Subnets of several zones: what is not an instance's own address is not routed between them.
  sameNetwork: false,
});
