/** What a person reads when AWS says no: each refusal with its code and what to type, and nothing left of what `up` had begun. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { type AwsWorld, startAwsWorld } from '../support/aws/aws-world.ts';
import { findMoto } from '../support/aws/moto.ts';
import { type CliResult, enterSuite } from '../support/suite.ts';

const moto = findMoto();
const suite = await enterSuite(import.meta.filename);
const file = join(suite.root, 'cluster.yaml');
const CLI = join(import.meta.dirname, '../../dist/slipway.js');

/** Writes a cluster file with these settings of AWS and with this in its only pool. */
const wish = (aws: object = {}, pool: object = {}): void =>
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'slipway/v1',
      kind: 'Cluster',
      metadata: { name: 'no' },
      spec: {
        driver: 'aws',
        drivers: { aws: { clientCidrs: ['10.100.0.1/32'], ...aws } },
        pools: [{ name: 'main', count: 1, ...pool }],
      },
    }),
  );

describe('trouble with AWS', { skip: 'missing' in moto ? moto.missing : false }, () => {
  let world: AwsWorld;
  before(async () => {
    world = await startAwsWorld(suite);
    // Of the region that is not: who asks for its host is told that there is none.
    const names = createSocket('udp4');
    names.on('message', (query, from) => {
      const { id, questions } = decode(query);
      names.send(encode({ type: 'response', id, flags: 3, questions }), from.port, from.address);
    });
    await new Promise<void>((done) => names.bind(53, '127.0.0.1', done));
    names.unref();
    writeFileSync(join(suite.root, 'resolv.conf'), 'nameserver 127.0.0.1\n');
    await suite.run(['mount', '--bind', join(suite.root, 'resolv.conf'), '/etc/resolv.conf']);
  });
  after(() => world?.close());

  const up = (): Promise<CliResult> => suite.slipway(['up', '-f', file, '--yes']);
  /** Without these variables, and with no other place to look. */
  const upWithout = (...names: string[]): Promise<CliResult> => {
    const unset = names.flatMap((name) => ['-u', name]);
    const nowhere = ['AWS_CONFIG_FILE=/dev/null', 'AWS_SHARED_CREDENTIALS_FILE=/dev/null'];
    return suite.run(['env', ...unset, ...nowhere, process.execPath, CLI, 'up', '-f', file, '--yes']);
  };
  const expectRefusal = async (result: CliResult, code: string, ...words: RegExp[]): Promise<void> => {
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, new RegExp(code));
    for (const word of words) assert.match(result.stderr, word);
    assert.deepEqual(await world.leftovers('no'), [], 'nothing is left in the account');
    assert.equal((await suite.slipway(['down', 'no', '--if-exists'])).code, 0);
    world.shim.reset();
  };

  test('credentials that AWS does not know', async () => {
    wish();
    world.shim.fail({ action: 'DescribeAvailabilityZones', code: 'AuthFailure', status: 401, times: 99 });
    await expectRefusal(await up(), 'CLOUD_AUTH_FAILED', /AuthFailure/, /aws configure/);
  });

  test('no credentials at all', async () => {
    wish();
    await expectRefusal(await upWithout('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'), 'CLOUD_AUTH_FAILED', /credentials/, /aws configure/);
  });

  test('a token that has expired, before anything is made and in the middle', async () => {
    wish();
    for (const [action, code] of [
      ['DescribeAvailabilityZones', 'RequestExpired'],
      ['CreateSecurityGroup', 'RequestExpired'],
      ['GetParameter', 'ExpiredTokenException'],
    ] as const) {
      world.shim.fail({ action, code, times: 99 });
      await expectRefusal(await up(), 'CLOUD_AUTH_FAILED', new RegExp(code), /aws sso login/);
    }
  });

  test('a right that is lacking', async () => {
    wish();
    world.shim.fail({ action: 'CreateVpc', code: 'UnauthorizedOperation', status: 403, times: 9 });
    await expectRefusal(await up(), 'CLOUD_AUTH_FAILED', /make a network/, /docs\/guides\/aws\.md/);
  });

  test('a region that does not exist', async () => {
    wish({ region: 'eu-nowhere-9' });
    await expectRefusal(
      await upWithout('AWS_ENDPOINT_URL'),
      'CLOUD_REQUEST_FAILED',
      /ec2\.eu-nowhere-9\.amazonaws\.com/,
      /aws ec2 describe-regions/,
    );
  });

  test('no region', async () => {
    wish();
    await expectRefusal(await upWithout('AWS_REGION'), 'CLOUD_AUTH_FAILED', /no region is given/, /export AWS_REGION=/);
  });

  test('an AWS that does not answer', async () => {
    wish();
    const result = await suite.slipway(['up', '-f', file, '--yes'], { env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' } });
    await expectRefusal(result, 'CLOUD_REQUEST_FAILED', /ECONNREFUSED/, /does this computer reach AWS/);
  });

  test('a quota that is reached', async () => {
    wish();
    world.shim.fail({ action: 'RunInstances', code: 'VcpuLimitExceeded', times: 9 });
    await expectRefusal(await up(), 'QUOTA_EXCEEDED', /VcpuLimitExceeded/, /aws service-quotas list-service-quotas/);
    world.shim.fail({ action: 'CreateVpc', code: 'VpcLimitExceeded', times: 9 });
    await expectRefusal(await up(), 'QUOTA_EXCEEDED', /VpcLimitExceeded/);
  });

  test('a type of which no zone has any', async () => {
    wish();
    world.shim.fail({ action: 'RunInstances', code: 'InsufficientInstanceCapacity', times: 99 });
    await expectRefusal(await up(), 'CLOUD_REQUEST_FAILED', /eu-central-1a, eu-central-1b, eu-central-1c/, /instanceType: m6i\.large/);
  });

  test('an image that is not there, before anything is made', async () => {
    wish({}, { image: 'ami-00000000000000000' });
    const result = await up();
    assert.ok(!world.shim.calls.some((call) => /^(Create|Import|Run)/.test(call)), world.shim.calls.join());
    await expectRefusal(result, 'MACHINE_IMAGE_MISSING', /ami-00000000000000000/, /aws ec2 describe-images --region eu-central-1/);
  });

  test('a subnet that is not there, also in a plan', async () => {
    wish({ vpc: 'vpc-00000000', subnets: ['subnet-00000000'] });
    const plan = await suite.slipway(['plan', '-f', file]);
    assert.equal(plan.code === 0, false);
    assert.match(plan.stderr, /NETWORK_UNKNOWN/);
    await expectRefusal(await up(), 'NETWORK_UNKNOWN', /InvalidSubnetID\.NotFound/, /aws ec2 describe-subnets/);
  });
});
