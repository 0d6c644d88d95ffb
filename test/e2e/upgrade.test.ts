/** From one version to another and back, a version that does not work among them, while a workload is asked 50 times a second. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BuiltVersion, buildVersion } from '../support/build-version.ts';
import { deploymentManifest, untilReady } from '../support/demo-cluster.ts';
import { steadyLoad } from '../support/steady-load.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const root = join(import.meta.dirname, '../..');
const old = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version as string;
const NEW = '9.0.0';
const BROKEN = '9.0.1-broken';

const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}${result.stdout}`);
  return result.stdout;
};
const versions = async (): Promise<string[]> =>
  (JSON.parse(await slipway('node', 'list', '-o', 'json')) as { version?: string }[]).map((node) => node.version ?? '');

let newer: BuiltVersion['run'];
let broken: BuiltVersion['run'];
const stopLoad = new AbortController();
let load: ReturnType<typeof steadyLoad>;

before(async () => {
  newer = (await buildVersion(suite, NEW)).run;
  const spoil = (folder: string): void =>
    writeFileSync(join(folder, 'src/runtime/slipway-server.ts'), "console.error('spoiled');\nprocess.exit(1);\n");
  broken = (await buildVersion(suite, BROKEN, spoil)).run;
  await slipway('up', 'rise', '--nodes', '2', '--yes');
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: 4 }));
  await slipway('apply', '-f', join(suite.root, 'web.yaml'));
  await slipway('create', 'poddisruptionbudget', 'web', '--selector', 'app=web', '--min-available', '2');
  await untilReady(suite, 'app=web', 4);
  const addresses = (await slipway('get', 'nodes', '-o', 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}'))
    .trim()
    .split(/\s+/);
  const port = (await slipway('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}')).trim();
  load = steadyLoad(
    addresses.map((address) => `http://${address}:${port}/`),
    { perSecond: 50, signal: stopLoad.signal },
  );
});
after(async () => {
  stopLoad.abort();
  await suite.slipway(['down', 'rise', '--force']);
});

test('another version changes nothing but by upgrade, and says so', async () => {
  const refused = await newer('up', 'rise');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /VERSION_SKEW[\s\S]*slipway upgrade rise/);
  const plan = await newer('upgrade', 'rise', '--dry-run');
  assert.equal(plan.code, 0, plan.stderr);
  assert.deepEqual(
    plan.stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/)),
    [
      ['rise-1', 'server', old, NEW],
      ['rise-2', 'agent', old, NEW],
      ['rise-1', 'agent', old, NEW],
    ],
  );
  assert.deepEqual(await versions(), [old, old]);
});

test('a version whose server does not run is taken back by itself', async () => {
  await slipway('create', 'configmap', 'before', '--from-literal=a=b');
  const failed = await broken('upgrade', 'rise');
  assert.equal(failed.code, 1, failed.stdout);
  assert.match(failed.stderr, /UPGRADE_FAILED/);
  assert.match(failed.stderr, new RegExp(`everything was put back, and ${old} runs`));
  assert.match(failed.stderr, /spoiled/, 'what the new program said');
  assert.deepEqual(await versions(), [old, old]);
  await slipway('get', 'configmap', 'before');
  assert.doesNotMatch(await slipway('get', 'nodes'), /SchedulingDisabled/);
  const again = await suite.slipway(['up', 'rise']);
  assert.equal(again.code, 0, again.stderr);
});

test('a version that works takes over, node after node', async () => {
  const done = await newer('upgrade', 'rise');
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, new RegExp(`runs version ${NEW}`));
  assert.deepEqual(await versions(), [NEW, NEW]);
  assert.doesNotMatch(await slipway('get', 'nodes'), /SchedulingDisabled/);
  await slipway('get', 'configmap', 'before');
  await slipway('create', 'configmap', 'after', '--from-literal=a=b');
  const again = await newer('upgrade', 'rise');
  assert.match(again.stdout, /already/);
  assert.equal((await newer('up', 'rise')).code, 0);
});

test('an older program does not take it back by the way', async () => {
  const refused = await suite.slipway(['upgrade', 'rise']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /VERSION_SKEW[\s\S]*--rollback/);
});

test('--rollback brings the version before; what was written since stays', async () => {
  const done = await newer('upgrade', 'rise', '--rollback');
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(await versions(), [old, old]);
  await slipway('get', 'configmap', 'after');
  assert.equal((await suite.slipway(['up', 'rise'])).code, 0);
  await untilReady(suite, 'app=web', 4);
});

test('no request to the workload was lost meanwhile', async () => {
  stopLoad.abort();
  const { answered, failures } = await load;
  console.log(`# ${answered} requests answered`);
  assert.deepEqual(failures, []);
  assert.ok(answered > 500);
});
