/**
 * What is AWS's own of machines that run and are reached, over moto, whose instances are sandboxes with a real sshd. The contract of all drivers
 * is in test/contract; what is asked of AWS in test/integration/aws-api.test.ts.
 */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SlipwayError } from '../../src/base/errors/slipway-error.ts';
import { openAws } from '../../src/drivers/aws/aws-clients.ts';
import { createAwsDriver } from '../../src/drivers/aws/aws-driver.ts';
import { AwsNetwork } from '../../src/drivers/aws/aws-network.ts';
import type { Driver, Machine } from '../../src/drivers/driver.ts';
import { makeSshKey } from '../../src/hosts/ssh/make-ssh-key.ts';
import { openJournal } from '../../src/provision/state/cluster-journal.ts';
import { type AwsWorld, REGION, startAwsWorld } from '../support/aws/aws-world.ts';
import { findMoto } from '../support/aws/moto.ts';
import { enterSuite } from '../support/suite.ts';

const moto = findMoto();
const suite = await enterSuite(import.meta.filename);
const skip = 'missing' in moto ? moto.missing : false;
const context = { signal: new AbortController().signal, progress: () => {} };
/** This computer, as instances see it. */
const settings = { clientCidrs: ['10.100.0.1/32'], bootTimeoutSeconds: 60 };
const spec = (name: string) => ({ cluster: 'demo', name, ports: [6443], settings });

describe('aws driver', { skip }, () => {
  let world: AwsWorld;
  const stateDir = join(suite.root, 'aws-state');
  const open = (more: object = {}): Driver => {
    const options = { dataDir: suite.data, stateDir, requirements: [], journal: openJournal(stateDir) };
    return createAwsDriver({ ...options, settings: { ...settings, ...more } });
  };
  before(async () => {
    world = await startAwsWorld(suite);
  });
  after(async () => {
    assert.deepEqual(world.hosts.problems, []);
    await world.close();
  });
  let machines: Machine[];

  test('machines are made side by side in one network, and reached by a key that only they and we know', async () => {
    const driver = open();
    machines = await Promise.all(['demo-1', 'demo-2'].map((name) => driver.create(spec(name), context)));
    const { Vpcs = [] } = await world.ec2.describeVpcs({ Filters: [{ Name: 'tag:slipway/cluster', Values: ['demo'] }] });
    assert.equal(Vpcs.length, 1);
    const host = await driver.connect(machines[0] as Machine);
    assert.equal((await host.run(['hostname'])).stdout.trim(), 'demo-1');
    const shown = (await host.readFile('/etc/ssh/ssh_host_ed25519_key.pub'))?.toString() ?? '';
    const { Reservations = [] } = await world.ec2.describeInstances({ Filters: [{ Name: 'tag:slipway/node', Values: ['demo-1'] }] });
    const InstanceId = Reservations[0]?.Instances?.[0]?.InstanceId;
    const { UserData } = await world.ec2.describeInstanceAttribute({ InstanceId, Attribute: 'userData' });
    const told = Buffer.from(UserData?.Value ?? '', 'base64').toString();
    assert.ok(shown && !told.includes(shown.split(' ')[1] ?? ''), 'the key of the user data is in use no more');
    await host.close();
  });

  test('who logs in is a user of its own, who becomes root by sudo', async () => {
    const host = await open().connect(machines[0] as Machine);
    assert.equal((await host.run(['sh', '-c', 'echo "$(id -un) for $SUDO_USER"'])).stdout.trim(), 'root for slipway');
    await host.close();
    const login = ['ssh', '-i', join(stateDir, 'aws', 'id_ed25519'), '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'];
    const refused = await suite.run([...login, '-o', 'UserKnownHostsFile=/dev/null', `root@${machines[0]?.externalAddress}`, 'true']);
    assert.match(refused.stderr, /Permission denied \(publickey/);
  });

  test('a replacement of the host key that was cut short twice is gone on with', async () => {
    const folder = join(stateDir, 'aws', 'nodes', 'demo-1');
    const inUse = readFileSync(join(folder, 'known_host_key.pub'), 'utf8');
    rmSync(join(folder, 'known_host_key.pub'));
    writeFileSync(join(folder, 'next_host_key.pub'), `${inUse}${makeSshKey('laid down nowhere').publicKey}\n`);
    await open().create(spec('demo-1'), context);
    assert.notEqual(readFileSync(join(folder, 'known_host_key.pub'), 'utf8'), inUse);
    await (await open().connect(machines[0] as Machine)).close();
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

  test('a machine that was stopped comes back with its disk, at another address', async () => {
    const driver = open();
    const host = await driver.connect(machines[1] as Machine);
    await host.writeFile('/var/lib/slipway/kept', 'yes', { mode: 0o600 });
    await host.close();
    await driver.stop({ cluster: 'demo', name: 'demo-2' }, { powerOff: false });
    assert.equal((await driver.describe({ cluster: 'demo', name: 'demo-2' }))?.state, 'stopped');
    const started = await driver.start({ cluster: 'demo', name: 'demo-2' }, context);
    assert.notEqual(started.externalAddress, machines[1]?.externalAddress);
    const again = await driver.connect(started);
    assert.equal((await again.readFile('/var/lib/slipway/kept'))?.toString(), 'yes');
    await again.close();
  });

  test('who is not on the list gets no answer, and is told where to look; once he is, the machine answers again', async () => {
    const others = { clientCidrs: ['203.0.113.0/24'], nodePortCidrs: [], nodeCidrs: [] };
    const clients = openAws(REGION, world.shim.endpoint);
    const network = new AwsNetwork({ clients, cluster: 'demo', journal: openJournal(stateDir) });
    await network.follow({ vpc: undefined, subnets: [], cidr: '', zones: 3, ...others });
    await world.hosts.settle();
    await assert.rejects(open({ ...others, bootTimeoutSeconds: 1 }).create(spec('demo-1'), context), (error: SlipwayError) => {
      assert.equal(error.code, 'TIMEOUT');
      assert.match(error.advice.join(), /clientCidrs/);
      return true;
    });
    const [group] = (await open().plan([spec('demo-1')])).filter(({ kind }) => kind === 'security-group');
    assert.deepEqual(
      [group?.state, group?.detail],
      ['differs', 'SSH and API from 10.100.0.1/32: opened to 10.100.0.1/32, closed to 203.0.113.0/24'],
    );
    assert.deepEqual(await open().create(spec('demo-1'), context), machines[0]);
  });
});
