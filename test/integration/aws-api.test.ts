/** What the aws driver asks of AWS, with moto as AWS and a proxy before it for what moto lacks. Machines that run and are reached: test/aws. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SlipwayError } from '../../src/base/errors/slipway-error.ts';
import { type AwsClients, openAws } from '../../src/drivers/aws/aws-clients.ts';
import { createAwsCloud } from '../../src/drivers/aws/aws-cloud.ts';
import { createAwsDriver } from '../../src/drivers/aws/aws-driver.ts';
import { findImage } from '../../src/drivers/aws/aws-images.ts';
import { AwsNetwork, type AwsNetworkIds } from '../../src/drivers/aws/aws-network.ts';
import { controlPlanePolicy, ensureProfile, podRoutesPolicy } from '../../src/drivers/aws/aws-profile.ts';
import { type InstanceWish, runInstance } from '../../src/drivers/aws/aws-run-instance.ts';
import type { Driver, Journal } from '../../src/drivers/driver.ts';
import { makeSshKey } from '../../src/hosts/ssh/make-ssh-key.ts';
import { openJournal } from '../../src/provision/state/cluster-journal.ts';
import { type AwsShim, startShim } from '../support/aws/aws-shim.ts';
import { findMoto, NEWEST_DEBIAN, OLDER_DEBIAN, type RunningMoto, startMoto } from '../support/aws/moto.ts';

const found = findMoto();
const CLUSTER = 'api';
const NETWORK = {
  vpc: undefined,
  subnets: [],
  cidr: '10.100.0.0/16',
  zones: 3,
  clientCidrs: ['198.51.100.7/32'],
  nodePortCidrs: ['198.51.100.0/24'],
  nodeCidrs: [],
};

/** `ec2:DescribeVpcs`, `elasticloadbalancing:Describe*`: names of EC2 do not end as a star of another service. */
const mayBeCalled = (call: string, rights: readonly string[]): boolean =>
  rights.some((right) => {
    const [service, name = ''] = right.split(':');
    return name === call || (service !== 'ec2' && name === 'Describe*' && /^Describe(LoadBalancer|Listener|Target|Tags)/.test(call));
  });

describe('what the aws driver asks of AWS', { skip: 'missing' in found ? found.missing : false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-aws-'));
  const journal = openJournal(folder);
  let moto: RunningMoto;
  let shim: AwsShim;
  let clients: AwsClients;
  let ids: AwsNetworkIds;
  let driver: Driver;
  const network = (): AwsNetwork => new AwsNetwork({ clients, cluster: CLUSTER, journal });
  const wish = async (name: string, more: Partial<InstanceWish> = {}): Promise<InstanceWish> => ({
    id: { cluster: CLUSTER, name },
    image: await findImage(clients, {}),
    type: 't3.small',
    diskGiB: 20,
    spot: false,
    subnets: ids.subnets,
    securityGroupId: ids.securityGroupId,
    keyName: `slipway-${CLUSTER}`,
    profileName: undefined,
    userData: '#cloud-config\n',
    tags: {},
    ...more,
  });
  const run = async (name: string, more: Partial<InstanceWish> = {}): Promise<string> =>
    runInstance(await clients.ec2(), await wish(name, more), journal);
  /** Calls of a piece of work that change something. */
  const changes = async (work: () => Promise<unknown>): Promise<string[]> => {
    const before = shim.calls.length;
    await work();
    return shim.calls.slice(before).filter((call) => !/^(Describe|Get|List)|^ModifyVpcAttribute$/.test(call));
  };
  /** What carries the cluster's tag, or is a disk, a balancer, a role. */
  const leftovers = async (cluster: string): Promise<unknown[]> => {
    const [ec2, elb, iam] = await Promise.all([clients.ec2(), clients.balancing(), clients.iam()]);
    const query = { Filters: [{ Name: 'tag:slipway/cluster', Values: [cluster] }] };
    const found: (readonly unknown[] | undefined)[] = await Promise.all([
      elb.describeLoadBalancers({}).then(({ LoadBalancers }) => LoadBalancers),
      elb.describeTargetGroups({}).then(({ TargetGroups }) => TargetGroups),
      iam.listRoles({}).then(({ Roles }) => Roles),
      ec2.describeVpcs(query).then(({ Vpcs }) => Vpcs),
      ec2.describeSubnets(query).then(({ Subnets }) => Subnets),
      ec2.describeSecurityGroups(query).then(({ SecurityGroups }) => SecurityGroups),
      ec2.describeInternetGateways(query).then(({ InternetGateways }) => InternetGateways),
      ec2.describeRouteTables(query).then(({ RouteTables }) => RouteTables),
      ec2.describeKeyPairs(query).then(({ KeyPairs }) => KeyPairs),
      ec2.describeSpotInstanceRequests(query).then(({ SpotInstanceRequests }) => SpotInstanceRequests),
      ec2.describeVolumes({}).then(({ Volumes }) => Volumes),
    ]);
    return found.flatMap((list) => list ?? []);
  };
  /** moto makes no request of RunInstances. What this one starts has no tags, as what a request of EC2 starts by itself. */
  const requestSpot = async (node: string): Promise<string> => {
    const tags = Object.entries({ 'slipway/cluster': CLUSTER, 'slipway/node': node }).map(([Key, Value]) => ({ Key, Value }));
    const { SpotInstanceRequests = [] } = await (await clients.ec2()).requestSpotInstances({
      Type: 'persistent',
      InstanceInterruptionBehavior: 'stop',
      LaunchSpecification: { ImageId: NEWEST_DEBIAN, InstanceType: 't3.small', SubnetId: ids.subnets[0]?.id },
      TagSpecifications: [{ ResourceType: 'spot-instances-request', Tags: tags }],
    });
    return SpotInstanceRequests[0]?.InstanceId ?? '';
  };
  const instancesNow = async (): Promise<string[]> => (await driver.list(CLUSTER)).map((machine) => machine.name);

  before(async () => {
    moto = await startMoto({ python: 'python' in found ? found.python : '', folder, port: 5955 });
    shim = await startShim({ moto: moto.endpoint, address: '127.0.0.1', port: 5956 });
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: shim.endpoint,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EC2_METADATA_DISABLED: 'true',
      SLIPWAY_AWS_POLL_MS: '50',
    });
    clients = openAws('eu-central-1');
    const settings = { clientCidrs: NETWORK.clientCidrs };
    driver = createAwsDriver({ dataDir: folder, stateDir: folder, requirements: [], journal, settings });
  });
  after(() => {
    shim?.close();
    moto?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a plan tells what is absent, and what it would cost', async () => {
    const planned = await driver.plan([{ cluster: CLUSTER, name: 'api-1', settings: { instanceType: 't3.small' } }]);
    assert.deepEqual(
      planned.map(({ kind, state }) => [kind, state]),
      [
        ['vpc', 'absent'],
        ['security-group', 'absent'],
        ['machine', 'absent'],
      ],
    );
    assert.equal(planned[2]?.detail, 't3.small in eu-central-1, 20 GiB');
    assert.ok((planned[2]?.usdPerHour ?? 0) > 0.02 && (planned[2]?.usdPerHour ?? 0) < 0.03);
    const spare = await driver.plan([{ cluster: CLUSTER, name: 'api-3', settings: { instanceType: 't3.small', spot: true } }]);
    assert.equal(spare[2]?.detail, 't3.small (spot) in eu-central-1, 20 GiB');
    assert.deepEqual([spare[2]?.usdPerHour, spare[2]?.unpriced], [undefined, 'spot']);
  });

  test('a network is made once, with a subnet in each of three zones and least rights', async () => {
    ids = await network().ensure(NETWORK);
    assert.deepEqual(
      ids.subnets.map((subnet) => subnet.zone),
      ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'],
    );
    assert.deepEqual(await changes(() => network().ensure(NETWORK)), []);
    const ec2 = await clients.ec2();
    const { SecurityGroups = [] } = await ec2.describeSecurityGroups({ GroupIds: [ids.securityGroupId] });
    assert.deepEqual(
      SecurityGroups[0]?.IpPermissions?.map((rule) => `${rule.IpProtocol} ${rule.FromPort} ${rule.IpRanges?.[0]?.CidrIp}`).toSorted(),
      ['-1 undefined undefined', 'tcp 22 198.51.100.7/32', 'tcp 30000 198.51.100.0/24', 'tcp 6443 198.51.100.7/32'],
    );
    await ec2.importKeyPair({
      KeyName: `slipway-${CLUSTER}`,
      PublicKeyMaterial: Buffer.from(makeSshKey('test').publicKey),
      TagSpecifications: [{ ResourceType: 'key-pair', Tags: [{ Key: 'slipway/cluster', Value: CLUSTER }] }],
    });
  });

  test('the image is the one that its publisher names, else the newest of the publisher', async () => {
    shim.parameters.set('/aws/service/debian/release/12/latest/amd64', OLDER_DEBIAN);
    assert.equal((await findImage(clients, {})).ImageId, OLDER_DEBIAN);
    shim.fail({ action: 'GetParameter', code: 'AccessDeniedException', times: 1 });
    assert.equal((await findImage(clients, {})).ImageId, NEWEST_DEBIAN);
    shim.parameters.clear();
    assert.equal((await findImage(clients, {})).ImageId, NEWEST_DEBIAN);
    assert.match((await findImage(clients, { os: 'ubuntu-24.04' })).Name ?? '', /ubuntu-noble/);
    shim.fail({ action: 'GetParameter', code: 'ExpiredTokenException', times: 1 });
    await assert.rejects(findImage(clients, {}), { code: 'CLOUD_AUTH_FAILED' });
  });

  test('who is let in follows the lists: what is wished no more is withdrawn, and rules of others stay', async () => {
    const ec2 = await clients.ec2();
    const open = (port: number, range: object) =>
      ec2.authorizeSecurityGroupIngress({
        GroupId: ids.securityGroupId,
        IpPermissions: [{ IpProtocol: 'tcp', FromPort: port, ToPort: port, IpRanges: [range] }],
      });
    await open(22, { CidrIp: '192.0.2.0/24', Description: 'the office' });
    await open(8443, { CidrIp: '198.51.100.7/32' });
    const rules = async (): Promise<string[]> => {
      const { SecurityGroups = [] } = await ec2.describeSecurityGroups({ GroupIds: [ids.securityGroupId] });
      return (SecurityGroups[0]?.IpPermissions ?? [])
        .flatMap((rule) => (rule.IpRanges ?? []).map((range) => `${rule.FromPort} ${range.CidrIp}`))
        .toSorted();
    };
    const before = await rules();
    const others = ['22 192.0.2.0/24', '8443 198.51.100.7/32'];
    const settings = { clientCidrs: ['203.0.113.9/32'], nodePortCidrs: NETWORK.nodePortCidrs };
    const options = { dataDir: folder, stateDir: folder, requirements: [], journal };
    const planned = await createAwsDriver({ ...options, settings }).plan([{ cluster: CLUSTER, name: 'api-1', settings: {} }]);
    const { state, detail } = planned.find(({ kind }) => kind === 'security-group') ?? {};
    assert.equal(state, 'differs');
    assert.equal(detail, 'SSH and API from 203.0.113.9/32: opened to 203.0.113.9/32, closed to 198.51.100.7/32');
    assert.deepEqual(await rules(), before, 'a plan changes nothing');

    await network().ensure({ ...NETWORK, ...settings });
    assert.deepEqual(await rules(), [...others, '22 203.0.113.9/32', '30000 198.51.100.0/24', '6443 203.0.113.9/32'].toSorted());
    await network().follow(NETWORK);
    assert.deepEqual(await rules(), before);
    assert.deepEqual(await changes(() => network().follow(NETWORK)), []);
    await network().follow({ ...NETWORK, clientCidrs: [...NETWORK.clientCidrs, '192.0.2.0/24'] });
    await network().follow(NETWORK);
    assert.deepEqual(await rules(), before, 'a rule of somebody else that was wished for a while is still theirs');
  });

  test('nodes that are elsewhere are let in to the API, to agents, proxies and pods, and shut out again', async () => {
    const ec2 = await clients.ec2();
    const fromElsewhere = async (): Promise<string[]> => {
      const { SecurityGroups = [] } = await ec2.describeSecurityGroups({ GroupIds: [ids.securityGroupId] });
      return (SecurityGroups[0]?.IpPermissions ?? [])
        .filter((rule) => rule.IpRanges?.some((range) => range.CidrIp === '192.168.7.0/24'))
        .map((rule) => `${rule.FromPort}/${rule.IpProtocol}`)
        .toSorted();
    };
    const settings = { clientCidrs: NETWORK.clientCidrs, nodePortCidrs: NETWORK.nodePortCidrs, nodeCidrs: ['192.168.7.0/24'] };
    const planned = await createAwsDriver({ dataDir: folder, stateDir: folder, requirements: [], journal, settings }).plan([
      { cluster: CLUSTER, name: 'api-1', settings: {} },
    ]);
    const { state, detail } = planned.find(({ kind }) => kind === 'security-group') ?? {};
    assert.equal(state, 'differs');
    assert.equal(detail, 'SSH and API from 198.51.100.7/32, nodes from 192.168.7.0/24: opened to 192.168.7.0/24');
    await network().follow({ ...NETWORK, nodeCidrs: settings.nodeCidrs });
    assert.deepEqual(await fromElsewhere(), ['10250/tcp', '10256/tcp', '4789/udp', '6443/tcp']);
    assert.deepEqual(await changes(() => network().follow({ ...NETWORK, nodeCidrs: settings.nodeCidrs })), []);
    // AWS refuses a rule that is asked for twice at a time.
    await network().follow({ ...NETWORK, clientCidrs: [...NETWORK.clientCidrs, '192.168.7.0/24'], nodeCidrs: settings.nodeCidrs });
    assert.deepEqual(await fromElsewhere(), ['10250/tcp', '10256/tcp', '22/tcp', '4789/udp', '6443/tcp']);
    await network().follow(NETWORK);
    assert.deepEqual(await fromElsewhere(), []);
  });

  test('a request whose answer is lost, or that is repeated after a crash, makes no second instance', async () => {
    shim.fail({ action: 'RunInstances', code: '', times: 1, after: true });
    const first = await run('api-1', { profileName: await ensureProfile(clients, { cluster: CLUSTER, journal, podRoutes: false }) });
    assert.equal(await run('api-1', { profileName: `slipway-${CLUSTER}` }), first);
    assert.deepEqual(await instancesNow(), ['api-1']);
    const ec2 = await clients.ec2();
    const instance = (await ec2.describeInstances({ InstanceIds: [first] })).Reservations?.[0]?.Instances?.[0];
    assert.equal(instance?.MetadataOptions?.HttpTokens, 'required');
    assert.equal(instance?.MetadataOptions?.HttpPutResponseHopLimit, 1);
    const { Volumes = [] } = await ec2.describeVolumes({});
    assert.ok(Volumes.length && Volumes.every((volume) => volume.Encrypted && volume.VolumeType === 'gp3'));
    const iam = await clients.iam();
    const [{ Role }, { InstanceProfile }] = [
      await iam.getRole({ RoleName: `slipway-${CLUSTER}` }),
      await iam.getInstanceProfile({ InstanceProfileName: `slipway-${CLUSTER}` }),
    ];
    for (const tags of [Role?.Tags, InstanceProfile?.Tags, ...Volumes.map(({ Tags }) => Tags)])
      assert.ok(tags?.some(({ Key, Value }) => Key === 'slipway/cluster' && Value === CLUSTER));
  });

  test('a profile that AWS does not see yet is waited for', async () => {
    shim.fail({ action: 'RunInstances', code: 'InvalidParameterValue', times: 2 });
    await run('api-2', { profileName: `slipway-${CLUSTER}` });
    assert.deepEqual(await instancesNow(), ['api-1', 'api-2']);
  });

  test('throttling is tried again; a zone without capacity gives way to the next', async () => {
    shim.fail({ action: 'DescribeImages', code: 'RequestLimitExceeded', status: 503, times: 2 });
    shim.fail({ action: 'RunInstances', code: 'InsufficientInstanceCapacity', status: 500, times: 6 });
    const id = await run('api-3', { spot: true });
    const found = await (await clients.ec2()).describeInstances({ InstanceIds: [id] });
    assert.equal(found.Reservations?.[0]?.Instances?.[0]?.Placement?.AvailabilityZone, 'eu-central-1b');
  });

  test('spare capacity is asked for so that it can be stopped, and is found by a tag of the request', async () => {
    const { fields } = shim.last('RunInstances');
    assert.deepEqual(
      ['MarketType', 'SpotOptions.SpotInstanceType', 'SpotOptions.InstanceInterruptionBehavior'].map((name) =>
        fields.get(`InstanceMarketOptions.${name}`),
      ),
      ['spot', 'persistent', 'stop'],
    );
    const types = [1, 2, 3].map((index) => fields.get(`TagSpecification.${index}.ResourceType`));
    assert.deepEqual(types, ['instance', 'volume', 'spot-instances-request']);
    assert.equal(fields.get('TagSpecification.3.Tag.2.Value'), CLUSTER);
  });

  test('a spot request is cancelled before its instance goes, and what it has started by itself goes with it', async () => {
    const ec2 = await clients.ec2();
    const InstanceId = await requestSpot('api-3');
    const stateOf = async (id: string) =>
      (await ec2.describeInstances({ InstanceIds: [id] })).Reservations?.[0]?.Instances?.[0]?.State?.Name;
    assert.equal(await stateOf(InstanceId), 'running');
    await driver.destroy({ cluster: CLUSTER, name: 'api-2' });
    assert.equal(await stateOf(InstanceId), 'running', 'it is of another node');
    const done = await changes(() => driver.destroy({ cluster: CLUSTER, name: 'api-3' }));
    assert.deepEqual(done, ['CancelSpotInstanceRequests', 'TerminateInstances', 'TerminateInstances']);
    assert.equal(await stateOf(InstanceId), 'terminated');
    assert.deepEqual((await ec2.describeSpotInstanceRequests({})).SpotInstanceRequests, []);
    for (const name of ['api-2', 'api-3']) await run(name, { profileName: `slipway-${CLUSTER}`, spot: name === 'api-3' });
  });

  test('what AWS has taken back only AWS starts again, and how to go on without is told', async () => {
    await driver.stop({ cluster: CLUSTER, name: 'api-3' }, { powerOff: false });
    shim.fail({ action: 'StartInstances', code: 'IncorrectSpotRequestState', times: 1 });
    const context = { signal: new AbortController().signal, progress: () => {} };
    await assert.rejects(driver.start({ cluster: CLUSTER, name: 'api-3' }, context), (error: SlipwayError) => {
      assert.equal(error.code, 'CLOUD_REQUEST_FAILED');
      assert.match(error.message, /start api-3/);
      assert.match(error.advice.join('\n'), /describe-spot-instance-requests[\s\S]*slipway node replace NODE --force/);
      return true;
    });
  });

  test('an instance that is stopped is told so', async () => {
    await driver.stop({ cluster: CLUSTER, name: 'api-3' }, { powerOff: false });
    assert.equal((await driver.describe({ cluster: CLUSTER, name: 'api-3' }))?.state, 'stopped');
  });

  test('a quota that is reached, an image and a subnet that are not there are told by name', async () => {
    shim.fail({ action: 'RunInstances', code: 'VcpuLimitExceeded', times: 1 });
    await assert.rejects(run('api-4'), { code: 'QUOTA_EXCEEDED', message: /VcpuLimitExceeded/ });
    await assert.rejects(findImage(clients, { image: 'ami-00000000000000000' }), { code: 'MACHINE_IMAGE_MISSING' });
    await assert.rejects(network().ensure({ ...NETWORK, vpc: 'vpc-00000000', subnets: ['subnet-00000000'] }), {
      code: 'NETWORK_UNKNOWN',
      message: /InvalidSubnetID.NotFound/,
    });
  });

  test('credentials that AWS does not know, and a region that is missing, are told with what to type', async () => {
    const fresh = (): Driver => createAwsDriver({ dataDir: folder, stateDir: folder, requirements: [], journal });
    shim.fail({ action: 'DescribeAvailabilityZones', code: 'AuthFailure', status: 401, times: 1 });
    const [finding] = await fresh().preflight();
    assert.equal(finding?.code, 'CLOUD_AUTH_FAILED');
    assert.equal(finding?.fix, 'aws configure');
    const region = process.env['AWS_REGION'];
    delete process.env['AWS_REGION'];
    try {
      assert.match((await fresh().preflight())[0]?.problem ?? '', /no region is given/);
    } finally {
      process.env['AWS_REGION'] = region;
    }
    assert.deepEqual(await fresh().preflight(), []);
  });

  test('a balancer is made, followed and removed, with the node ports that it needs', async () => {
    const before = shim.calls.length;
    const cloud = createAwsCloud({ cluster: CLUSTER, region: 'eu-central-1', endpoint: shim.endpoint });
    const instance = await cloud.instance({ name: 'api-1' });
    assert.match(instance?.providerId ?? '', /^aws:\/\/\/eu-central-1a\/i-/);
    const port = { name: '', protocol: 'TCP' as const, port: 80, nodePort: 30_080 };
    const wanted = {
      id: 'a0123456789abcdef0123456789abcde',
      service: 'default/front',
      annotations: {},
      ports: [port, { ...port, name: 'tls', port: 443, nodePort: 30_443 }],
      sourceRanges: [],
      healthCheck: { protocol: 'TCP' as const, port: 30_080 },
      nodes: [{ name: 'api-1', providerId: instance?.providerId ?? '' }],
    };
    const [address] = await cloud.ensureBalancer(wanted);
    assert.match(address?.hostname ?? '', /\.elb\.amazonaws\.com$/);
    assert.deepEqual(await changes(() => cloud.ensureBalancer(wanted)), []);
    const moved = { ...wanted, ports: [{ ...port, nodePort: 30_081 }], healthCheck: { protocol: 'TCP' as const, port: 30_081 } };
    const changed = await changes(() => cloud.ensureBalancer(moved));
    for (const call of ['RegisterTargets', 'DeregisterTargets', 'DeleteListener', 'DeleteTargetGroup', 'RevokeSecurityGroupIngress'])
      assert.ok(changed.includes(call), `${call} is not among ${changed}`);
    await cloud.removeBalancer(wanted.id);
    await cloud.removeBalancer(wanted.id);
    const { SecurityGroups = [] } = await (await clients.ec2()).describeSecurityGroups({ GroupIds: [ids.securityGroupId] });
    assert.ok(!SecurityGroups[0]?.IpPermissions?.some((rule) => rule.FromPort === 30_080 || rule.FromPort === 30_081));
    // Left to the end of the cluster.
    await cloud.ensureBalancer(wanted);
    const { Statement } = controlPlanePolicy(CLUSTER) as { Statement: { Action: string[] }[] };
    const allowed = Statement.flatMap(({ Action }) => Action);
    for (const call of new Set(shim.calls.slice(before)))
      assert.ok(mayBeCalled(call, allowed), `the role of the control plane may not ${call}`);
  });

  test('where pods are routed, machines let their packets through, and the table leads to them', async () => {
    const ec2 = await clients.ec2();
    const { clientCidrs, nodePortCidrs } = NETWORK;
    const settings = { clientCidrs, nodePortCidrs, podRoutes: true, bootTimeoutSeconds: 1 };
    const routing = createAwsDriver({ dataDir: folder, stateDir: folder, requirements: [], journal, settings });
    assert.equal(routing.cloud?.podRoutes, true);
    const planned = async (): Promise<string | undefined> =>
      (await routing.plan([{ cluster: CLUSTER, name: 'api-1', settings: {} }])).find(({ kind }) => kind === 'machine')?.state;
    assert.equal(await planned(), 'differs');
    // Nobody is there to be reached; what AWS is asked for comes before.
    const context = { signal: new AbortController().signal, progress: () => {} };
    const spec = { cluster: CLUSTER, name: 'api-1', managesCloud: true, settings };
    const asked = await changes(() => assert.rejects(routing.create(spec, context), { code: 'TIMEOUT' }));
    assert.deepEqual(asked.toSorted(), ['ModifyInstanceAttribute', 'PutRolePolicy']);
    assert.equal(await planned(), 'present');

    const cloud = createAwsCloud({ cluster: CLUSTER, region: 'eu-central-1', endpoint: shim.endpoint, podRoutes: true });
    const before = shim.calls.length;
    const { routes } = cloud;
    assert.ok(routes);
    const podCidr = '10.244.0.0/16';
    assert.deepEqual(await routes.list(podCidr), [], 'the way out is no route of pods');
    const machineOf = async (name: string): Promise<string> => (await cloud.instance({ name }))?.providerId.split('/').at(-1) ?? '';
    const [one, two] = [await machineOf('api-1'), await machineOf('api-2')];
    const route = { range: '10.244.3.0/24', machine: one };
    assert.deepEqual(await changes(() => routes.ensure(route, { podCidr })), ['AuthorizeSecurityGroupIngress', 'CreateRoute']);
    assert.deepEqual(await routes.list(podCidr), [route]);
    await routes.ensure({ ...route, machine: two }, { podCidr });
    assert.deepEqual(await routes.list(podCidr), [{ ...route, machine: two }]);
    const { SecurityGroups = [] } = await ec2.describeSecurityGroups({ GroupIds: [ids.securityGroupId] });
    const fromPods = SecurityGroups[0]?.IpPermissions?.filter((rule) => rule.IpRanges?.some(({ CidrIp }) => CidrIp === podCidr));
    assert.equal(fromPods?.length, 1);
    assert.deepEqual(await changes(() => network().follow(NETWORK)), [], 'that pods are let in is left alone by up');
    for (const _ of [1, 2]) await routes.remove(route.range);
    assert.deepEqual(await routes.list(podCidr), []);
    const allowed = [controlPlanePolicy(CLUSTER), podRoutesPolicy(CLUSTER)].flatMap((policy) =>
      (policy as { Statement: { Action: string[] }[] }).Statement.flatMap(({ Action }) => Action),
    );
    for (const call of new Set(shim.calls.slice(before)))
      assert.ok(mayBeCalled(call, allowed), `the role of the control plane may not ${call}`);
    assert.equal(createAwsCloud({ cluster: CLUSTER, region: 'eu-central-1' }).routes, undefined);
  });

  test('a name is free again once its instance is gone, although AWS remembers the request', async () => {
    const cloud = createAwsCloud({ cluster: CLUSTER, region: 'eu-central-1', endpoint: shim.endpoint });
    const before = await cloud.instance({ name: 'api-2' });
    await driver.destroy({ cluster: CLUSTER, name: 'api-2' });
    assert.equal(await cloud.instance({ name: 'api-2', providerId: before?.providerId }), undefined);
    const again = await run('api-2', { profileName: `slipway-${CLUSTER}` });
    assert.ok(!before?.providerId.endsWith(again));
  });

  test('all of it is found by its tag and taken away, and what AWS still holds on to is asked again', async () => {
    const stranger = createAwsDriver({
      dataDir: folder,
      stateDir: join(folder, 'lost'),
      requirements: [],
      journal: openJournal(join(folder, 'lost')),
    });
    await requestSpot('api-9');
    for (const machine of await stranger.list(CLUSTER)) await stranger.destroy(machine);
    shim.fail({ action: 'DeleteSecurityGroup', code: 'DependencyViolation', times: 2 });
    for (const _ of [1, 2]) await stranger.destroyShared(CLUSTER);
    assert.deepEqual(await leftovers(CLUSTER), []);
  });

  test('nothing is asked for that does not stand in the journal', async () => {
    const MADE: Readonly<Record<string, string>> = {
      CreateVpc: 'vpc',
      CreateInternetGateway: 'internet-gateway',
      CreateRouteTable: 'route-table',
      CreateSubnet: 'subnet',
      CreateSecurityGroup: 'security-group',
      ImportKeyPair: 'key-pair',
      CreateRole: 'role',
      CreateInstanceProfile: 'role',
      RunInstances: 'machine',
    };
    const kept = openJournal(join(folder, 'order'));
    // One list of both, in their order.
    const order = shim.calls;
    const recording: Journal = {
      ...kept,
      record: async (entry) => {
        await kept.record(entry);
        order.push(`journal ${entry.kind} ${entry.name}`);
      },
    };
    const from = order.length;
    const settings = { clientCidrs: NETWORK.clientCidrs, bootTimeoutSeconds: 1 };
    const own = createAwsDriver({ dataDir: folder, stateDir: join(folder, 'order'), requirements: [], journal: recording, settings });
    const context = { signal: new AbortController().signal, progress: () => {} };
    await assert.rejects(own.create({ cluster: 'order', name: 'order-1', managesCloud: true, settings }, context), { code: 'TIMEOUT' });
    const done = order.slice(from);
    const counts = new Map<string, number>();
    for (const [index, call] of done.entries()) {
      assert.ok(
        !/^(Create|Import|Run)/.test(call) || MADE[call] || ['CreateRoute', 'CreateTags'].includes(call),
        `${call} is not known here`,
      );
      const kind = MADE[call];
      if (!kind) continue;
      counts.set(call, (counts.get(call) ?? 0) + 1);
      const before = new Set(done.slice(0, index).filter((line) => line.startsWith(`journal ${kind} `)));
      assert.ok(before.size >= (counts.get(call) ?? 0), `${call} came before its entry`);
    }
    assert.deepEqual([...counts.keys()].toSorted(), Object.keys(MADE).toSorted());
    await own.destroy({ cluster: 'order', name: 'order-1' });
    await own.destroyShared('order');
    assert.deepEqual(await kept.entries(), [], 'all of it is forgotten');
    assert.deepEqual(await leftovers('order'), []);
  });

  test('an answer that is lost, whichever it is, neither stops up nor leaves anything', async () => {
    const lost = [
      ...['CreateVpc', 'CreateInternetGateway', 'AttachInternetGateway', 'CreateRouteTable', 'CreateRoute', 'CreateSubnet'],
      ...['ModifySubnetAttribute', 'AssociateRouteTable', 'CreateSecurityGroup', 'AuthorizeSecurityGroupIngress'],
    ];
    for (const action of lost) {
      const cluster = `lost-${action.toLowerCase()}`;
      const own = new AwsNetwork({ clients, cluster, journal: openJournal(join(folder, cluster)) });
      shim.fail({ action, code: '', times: 1, after: true });
      const made = await own.ensure(NETWORK);
      assert.equal(made.subnets.length, 3, action);
      assert.deepEqual(await own.ensure(NETWORK), made, action);
      const { Subnets = [] } = await (await clients.ec2()).describeSubnets({ SubnetIds: made.subnets.map(({ id }) => id) });
      assert.ok(
        Subnets.every((subnet) => subnet.VpcId === made.vpcId && subnet.MapPublicIpOnLaunch),
        action,
      );
      for (const _ of [1, 2]) await own.destroy();
      assert.deepEqual(await leftovers(cluster), [], action);
    }
  });

  test('a network that is given is used, and stays', async () => {
    const ec2 = await clients.ec2();
    const { Vpc } = await ec2.createVpc({ CidrBlock: '10.7.0.0/16' });
    const { Subnet } = await ec2.createSubnet({ VpcId: Vpc?.VpcId, CidrBlock: '10.7.1.0/24', AvailabilityZone: 'eu-central-1b' });
    const given = { ...NETWORK, vpc: Vpc?.VpcId, subnets: [Subnet?.SubnetId ?? ''] };
    const own = new AwsNetwork({ clients, cluster: 'given', journal: openJournal(join(folder, 'given')) });
    const made = await changes(async () => assert.equal((await own.ensure(given)).subnets[0]?.zone, 'eu-central-1b'));
    assert.deepEqual(made, ['CreateSecurityGroup', 'AuthorizeSecurityGroupIngress']);
    await own.destroy();
    assert.deepEqual(await leftovers('given'), []);
    assert.equal((await ec2.describeSubnets({ SubnetIds: given.subnets })).Subnets?.length, 1);
    const { GroupId } = await ec2.createSecurityGroup({ GroupName: 'slipway-given', Description: 'of somebody', VpcId: Vpc?.VpcId });
    await assert.rejects(own.ensure(given), { code: 'NAME_TAKEN' });
    await ec2.deleteSecurityGroup({ GroupId });
    await ec2.deleteSubnet({ SubnetId: Subnet?.SubnetId });
    await ec2.deleteVpc({ VpcId: Vpc?.VpcId });
  });

  test('all that was asked for in these tests stands among the rights of the guide', () => {
    const [, section = ''] = readFileSync(join(import.meta.dirname, '../../docs/guides/aws.md'), 'utf8').split('## Rights');
    const rights = [...(section.split('```')[1] ?? '').matchAll(/\b[A-Z]\w+\*?/g)].map(([name]) => `any:${name}`);
    const policies = [controlPlanePolicy(CLUSTER), podRoutesPolicy(CLUSTER)] as { Statement: { Action: string[] }[] }[];
    const allowed = [...rights, ...policies.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action))];
    // What only this test asks.
    const own = ['DescribeVolumes', 'ListRoles', 'GetRole', 'DescribeInstanceAttribute', 'RequestSpotInstances'];
    const lacking = [...new Set(shim.calls)].filter(
      (call) => !call.startsWith('journal ') && !own.includes(call) && !mayBeCalled(call, allowed),
    );
    assert.deepEqual(lacking, []);
  });
});
