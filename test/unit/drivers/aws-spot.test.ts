import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EC2, type Instance, type SpotInstanceRequest } from '@aws-sdk/client-ec2';
import { endSpotRequests } from '../../../src/drivers/aws/aws-spot.ts';

/** What EC2 lists, or refuses to; `cancelled` are the requests that it was asked to cancel. */
class ToldEc2 extends EC2 {
  readonly cancelled: string[] = [];
  readonly #listed: SpotInstanceRequest[] | string;

  constructor(listed: SpotInstanceRequest[] | string) {
    super({ region: 'eu-central-1' });
    this.#listed = listed;
  }

  override async send(command: { input: object }): Promise<never> {
    const { SpotInstanceRequestIds: ids } = command.input as { SpotInstanceRequestIds?: string[] };
    if (ids) this.cancelled.push(...ids);
    else if (typeof this.#listed === 'string') throw Object.assign(new Error('you may not'), { name: this.#listed });
    return (ids ? {} : { SpotInstanceRequests: this.#listed }) as never;
  }
}

const place = { cluster: 'lab', node: 'lab-2' };
const spot: Instance = { InstanceId: 'i-1', InstanceLifecycle: 'spot', SpotInstanceRequestId: 'sir-1' };
const onDemand: Instance = { InstanceId: 'i-2' };

test('the request of a spot instance is cancelled although EC2 does not list it yet, and one that it lists once', async () => {
  for (const listed of [[], [{ SpotInstanceRequestId: 'sir-1' }]]) {
    const ec2 = new ToldEc2(listed);
    await endSpotRequests(ec2, { ...place, instances: [spot] });
    assert.deepEqual(ec2.cancelled, ['sir-1']);
  }
});

test('rights from before there were spot instances are enough to remove a machine that is none', async () => {
  const ec2 = new ToldEc2('UnauthorizedOperation');
  await endSpotRequests(ec2, { ...place, instances: [onDemand] });
  await endSpotRequests(ec2, { cluster: 'lab', instances: [] });
  for (const question of [{ ...place, instances: [onDemand, spot] }, place])
    await assert.rejects(endSpotRequests(ec2, question), { code: 'CLOUD_AUTH_FAILED' });
  await assert.rejects(endSpotRequests(new ToldEc2('RequestLimitExceeded'), { ...place, instances: [] }), { code: 'CLOUD_REQUEST_FAILED' });
});
