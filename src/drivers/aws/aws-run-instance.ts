import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EC2, Image, Instance, RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import type { Journal, MachineId } from '../driver.ts';
import { asked, faultOf } from './aws-clients.ts';
import { endSpotRequests, SPOT_OPTIONS } from './aws-spot.ts';
import { NODE_TAG, tagged, tagsOf } from './aws-tags.ts';
import { pollMs } from './aws-wait.ts';

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

/** Half a minute. */
const PROFILE_ATTEMPTS = 15;
const NO_CAPACITY = new Set(['InsufficientInstanceCapacity', 'SpotMaxPriceTooLow', 'Unsupported']);

/**
 * Asks for one instance, in the first zone that has room. The token makes a repeated request the same one: it stands in the journal before
 * the request, and a machine that was terminated gets another, as AWS refuses one whose instance is gone.
 */
export const runInstance = async (ec2: EC2, wish: InstanceWish, journal: Journal): Promise<string> => {
  const { id } = wish;
  let refusal: unknown;
  for (const subnet of wish.subnets) {
    // One whose instance somebody has terminated, or that was refused in the zone before, would start a second machine sooner or later.
    if (wish.spot) await endSpotRequests(ec2, { cluster: id.cluster, node: id.name });
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
  const known = (await journal.entries()).find((entry) => entry.driver === 'aws' && entry.kind === 'machine' && entry.name === id.name);
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
    ...(wish.spot ? { InstanceMarketOptions: SPOT_OPTIONS } : {}),
    TagSpecifications: [tagged('instance', tags), tagged('volume', tags), ...(wish.spot ? [tagged('spot-instances-request', tags)] : [])],
  };
};
