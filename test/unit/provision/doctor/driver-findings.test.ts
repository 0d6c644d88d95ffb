import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { driverFindings } from '../../../../src/provision/doctor/driver-findings.ts';
import { clusterSpec } from '../../../../src/provision/spec/cluster-spec.ts';
import { ClusterStateFolder } from '../../../../src/provision/state/cluster-state.ts';

const home = mkdtempSync(join(tmpdir(), 'slipway-home-'));
const nowhere = { AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', AWS_MAX_ATTEMPTS: '1' };
Object.assign(process.env, { SLIPWAY_HOME: home, ...nowhere });
for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION']) delete process.env[name];
after(() => rmSync(home, { recursive: true }));

const make = (name: string, driverSettings: Record<string, Record<string, unknown>>, driver: string): Promise<void> =>
  new ClusterStateFolder(name).write({
    version: 2,
    spec: { ...clusterSpec({ name, driver }), driverSettings },
    phase: 'ready',
    createdAt: '2026-01-01T00:00:00Z',
    dataDir: '/d',
    addresses: {},
  });
const problems = async (...asked: Parameters<typeof driverFindings>): Promise<string> =>
  (await driverFindings(...asked)).map(({ about, problem }) => `${about}: ${problem}`).join('\n');

test('a driver is looked at as its clusters have set it', async () => {
  assert.match(await problems({ driver: 'aws' }, []), /no region is given/);
  await make('cloud', { aws: { region: 'eu-central-1' } }, 'aws');
  for (const options of [{ cluster: 'cloud' }, { driver: 'aws' }])
    assert.match(await problems(options, ['cloud']), /^this host, driver aws: AWS cannot be used: .*127\.0\.0\.1:9/);
});

test('one that is set in two ways is looked at twice, one that is set alike once', async () => {
  const socket = (name: string) => ({ kvm: { uri: `qemu+unix:///system?socket=${home}/${name}` } });
  for (const [name, uri] of [
    ['k1', 'a'],
    ['k2', 'b'],
    ['k3', 'b'],
  ] as const)
    await make(name, socket(uri), 'kvm');
  const found = await driverFindings({ driver: 'kvm' }, ['k1', 'k2', 'k3']);
  assert.equal(found.length, 2);
});
