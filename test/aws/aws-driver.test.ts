/** What is AWS's own of the aws driver, over moto, whose instances are sandboxes with a real sshd. The contract of all drivers is in test/contract. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createAwsDriver } from '../../src/drivers/aws/aws-driver.ts';
import type { Driver, Machine } from '../../src/drivers/driver.ts';
import { openJournal } from '../../src/provision/state/cluster-journal.ts';
import { type AwsWorld, startAwsWorld } from '../support/aws/aws-world.ts';
import { findMoto } from '../support/aws/moto.ts';
import { enterSuite } from '../support/suite.ts';

const moto = findMoto();
const suite = await enterSuite(import.meta.filename);
const skip = 'missing' in moto ? moto.missing : false;
const context = { signal: new AbortController().signal, progress: () => {} };
const settings = {
  clientCidrs: ['198.51.100.7/32'],
  user: 'root',
  bootTimeoutSeconds: 60,
};
const spec = (name: string, more: object = {}) => ({
  cluster: 'demo',
  name,
  ports: [6443],
  settings: { ...settings, ...more },
});

describe('aws driver', { skip }, () => {
  let world: AwsWorld;
  const stateDir = join(suite.root, 'aws-state');
  const open = (more: object = {}): Driver =>
    createAwsDriver({
      dataDir: suite.data,
      stateDir,
      requirements: [],
      journal: openJournal(stateDir),
      settings: { ...settings, ...more },
    });
  before(async () => {
    world = await startAwsWorld(suite);
  });
  after(async () => {
    assert.deepEqual(world.hosts.problems, []);
    await world.close();
  });
  const instances = async (): Promise<string[]> => {
    const { Reservations = [] } = await world.ec2.describeInstances({});
    return Reservations.flatMap((reservation) => reservation.Instances ?? [])
      .filter((instance) => instance.State?.Name !== 'terminated')
      .map((instance) => instance.InstanceId ?? '');
  };
  let machines: Machine[];

  test('a plan tells what is absent, and what it would cost', async () => {
    const planned = await open().plan([spec('demo-1', { instanceType: 't3.small' })]);
    assert.deepEqual(
      planned.map(({ kind, state }) => [kind, state]),
      [
        ['vpc', 'absent'],
        ['security-group', 'absent'],
        ['machine', 'absent'],
      ],
    );
    assert.equal(planned[2]?.detail, 't3.small in eu-central-1, 20 GiB');
    assert.ok(Math.abs((planned[2]?.usdPerHour ?? 0) - 0.0264) < 0.001, String(planned[2]?.usdPerHour));
  });

  test('machines are made side by side in one network, and reached by a key that only they and we know', async () => {
    const driver = open();
    machines = await Promise.all(['demo-1', 'demo-2'].map((name) => driver.create(spec(name), context)));
    assert.equal(
      (
        await world.ec2.describeVpcs({
          Filters: [{ Name: 'tag:slipway/cluster', Values: ['demo'] }],
        })
      ).Vpcs?.length,
      1,
    );
    const host = await driver.connect(machines[0] as Machine);
    assert.equal((await host.run(['hostname'])).stdout.trim(), 'demo-1');
    const shown = (await host.readFile('/etc/ssh/ssh_host_ed25519_key.pub'))?.toString() ?? '';
    const [id] = await instances();
    const { UserData } = await world.ec2.describeInstanceAttribute({
      InstanceId: id,
      Attribute: 'userData',
    });
    const told = Buffer.from(UserData?.Value ?? '', 'base64').toString();
    assert.ok(shown && !told.includes(shown.split(' ')[1] ?? ''), 'the key of the user data is in use no more');
    await host.close();
  });

  test('instances are as closed as they can be', async () => {
    const { Reservations = [] } = await world.ec2.describeInstances({});
    const instance = Reservations[0]?.Instances?.[0];
    assert.equal(instance?.MetadataOptions?.HttpTokens, 'required');
    const { Volumes = [] } = await world.ec2.describeVolumes({});
    assert.ok(Volumes.every((volume) => volume.Encrypted && volume.VolumeType === 'gp3'));
    const { SecurityGroups = [] } = await world.ec2.describeSecurityGroups({
      Filters: [{ Name: 'group-name', Values: ['slipway-demo'] }],
    });
    const rules = (SecurityGroups[0]?.IpPermissions ?? []).map((rule) =>
      [rule.IpProtocol, rule.FromPort, rule.ToPort, ...(rule.IpRanges ?? []).map((range) => range.CidrIp)].join(' '),
    );
    assert.deepEqual(
      rules.toSorted().map((rule) => rule.trim()),
      ['-1', 'tcp 22 22 198.51.100.7/32', 'tcp 30000 32767 198.51.100.7/32', 'tcp 6443 6443 198.51.100.7/32'],
    );
  });

  test('asked again, nothing is made', async () => {
    const before = world.shim.calls.length;
    assert.deepEqual(await open().create(spec('demo-1'), context), machines[0]);
    const made = world.shim.calls.slice(before).filter((call) => /^(Create|Run|Import|Authorize)/.test(call));
    assert.deepEqual(made, []);
    assert.deepEqual(
      (await open().plan([spec('demo-1'), spec('demo-2')])).map(({ state }) => state),
      ['present', 'present', 'present', 'present'],
    );
  });

  test('a request that was repeated after a lost answer makes no second instance', async () => {
    const count = (await instances()).length;
    world.shim.fail({
      action: 'RunInstances',
      code: '',
      times: 1,
      after: true,
    });
    await open().create(spec('demo-3'), context);
    assert.equal((await instances()).length, count + 1);
    await open().destroy({ cluster: 'demo', name: 'demo-3' });
    // Its name is free again, although AWS remembers the request.
    await open().create(spec('demo-3'), context);
    await open().destroy({ cluster: 'demo', name: 'demo-3' });
    assert.equal((await instances()).length, count);
  });

  test('a machine that was stopped comes back with its disk', async () => {
    const driver = open();
    const host = await driver.connect(machines[1] as Machine);
    await host.writeFile('/var/lib/slipway/kept', 'yes', { mode: 0o600 });
    await host.close();
    await driver.stop({ cluster: 'demo', name: 'demo-2' }, { powerOff: false });
    assert.equal((await driver.describe({ cluster: 'demo', name: 'demo-2' }))?.state, 'stopped');
    const again = await driver.connect(await driver.start({ cluster: 'demo', name: 'demo-2' }, context));
    assert.equal((await again.readFile('/var/lib/slipway/kept'))?.toString(), 'yes');
    await again.close();
  });

  test('throttling is tried again; a zone without capacity gives way to the next', async () => {
    world.shim.fail({
      action: 'DescribeImages',
      code: 'RequestLimitExceeded',
      status: 503,
      times: 2,
    });
    world.shim.fail({
      action: 'RunInstances',
      code: 'InsufficientInstanceCapacity',
      status: 500,
      times: 6,
    });
    const driver = open();
    await driver.create(spec('demo-4'), context);
    const { Reservations = [] } = await world.ec2.describeInstances({
      Filters: [{ Name: 'tag:slipway/node', Values: ['demo-4'] }],
    });
    assert.equal(Reservations[0]?.Instances?.[0]?.Placement?.AvailabilityZone, 'eu-central-1b');
    await driver.destroy({ cluster: 'demo', name: 'demo-4' });
  });

  test('a quota that is reached, an image and a subnet that are not there are told by name', async () => {
    world.shim.fail({
      action: 'RunInstances',
      code: 'VcpuLimitExceeded',
      times: 1,
    });
    await assert.rejects(open().create(spec('demo-5'), context), {
      code: 'QUOTA_EXCEEDED',
      message: /VcpuLimitExceeded/,
    });
    await assert.rejects(open().create(spec('demo-5', { image: 'ami-00000000000000000' }), context), { code: 'IMAGE_INVALID' });
    await assert.rejects(open({ vpc: 'vpc-00000000', subnets: ['subnet-00000000'] }).create(spec('demo-5'), context), {
      code: 'CLOUD_REQUEST_FAILED',
      message: /InvalidSubnetID.NotFound/,
    });
  });

  test('credentials that AWS does not know, and a region that is missing, are told with what to type', async () => {
    world.shim.fail({
      action: 'DescribeAvailabilityZones',
      code: 'AuthFailure',
      status: 401,
      times: 1,
    });
    const [finding] = await open().preflight();
    assert.equal(finding?.code, 'CLOUD_AUTH_FAILED');
    assert.equal(finding?.fix, 'aws configure');
    const region = process.env['AWS_REGION'];
    delete process.env['AWS_REGION'];
    try {
      assert.match((await open().preflight())[0]?.problem ?? '', /no region is given/);
    } finally {
      process.env['AWS_REGION'] = region;
    }
    assert.deepEqual(await open().preflight(), []);
  });

  test('without any file of ours the machines are found by their tag, and nothing of the cluster is left', async () => {
    rmSync(stateDir, { recursive: true, force: true });
    const driver = open();
    const found = await driver.list('demo');
    assert.deepEqual(
      found.map((machine) => machine.name),
      ['demo-1', 'demo-2'],
    );
    assert.deepEqual(await driver.list('other'), []);
    for (const machine of found) await driver.destroy(machine);
    for (const _ of [1, 2]) await driver.destroyShared('demo');
    assert.deepEqual(await instances(), []);
    assert.deepEqual(await world.leftovers('demo'), []);
  });
});
