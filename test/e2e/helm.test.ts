/** A chart's life with stock Helm: $SLIPWAY_HELM, else helm on the PATH; without either the tests are skipped, and say so. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { succeed } from '../support/demo-cluster.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const binary = process.env['SLIPWAY_HELM'] ?? 'helm';
const runs = (() => {
  try {
    return execFileSync(binary, ['version', '--short'], { encoding: 'utf8' }).startsWith('v');
  } catch {
    return false; // Not installed: the tests are skipped.
  }
})();
const skip = runs ? false : 'no helm: set SLIPWAY_HELM to one, or install it';

const helm = (...args: string[]): Promise<string> => succeed(suite, [binary, ...args]);
const get = (...args: string[]): Promise<string> => succeed(suite, [process.execPath, 'dist/slipway.js', 'get', ...args]);
const CHART = join(import.meta.dirname, 'helm-chart');
const shown = (): Promise<string> =>
  get('deployment', 'hello', '-o', 'jsonpath={.status.readyReplicas} {.spec.template.spec.containers[0].image} {.metadata.labels}');

before(async () => {
  if (skip) return;
  const up = await suite.slipway(['up', 'helm', '--yes', '--demo']);
  assert.equal(up.code, 0, up.stderr);
});
after(async () => {
  if (!skip) await suite.slipway(['down', 'helm', '--force']);
});

test('install runs the hook, makes the definition before its objects, and waits until the pods are ready', { skip }, async () => {
  assert.match(await helm('install', 'hello', CHART, '--wait', '--timeout', '60s'), /STATUS: deployed\nREVISION: 1/);
  assert.match(await shown(), /^1 registry\.slipway\.local\/demo:1 /);
  assert.equal(await get('greeting', 'hello', '-o', 'jsonpath={.spec.text}'), 'hello');
  assert.equal(await get('job', 'hello-before', '-o', 'jsonpath={.status.succeeded}'), '1');
});

test('the chart test fetches through the Service by its name', { skip }, async () => {
  assert.match(await helm('test', 'hello', '--timeout', '60s'), /Phase: +Succeeded/);
});

test('upgrade rolls to the new image and size', { skip }, async () => {
  await helm('upgrade', 'hello', CHART, '--set', 'replicas=3,tag=2,greeting=good day', '--wait', '--timeout', '60s');
  assert.match(await shown(), /^3 registry\.slipway\.local\/demo:2 /);
  assert.equal(await get('configmap', 'hello', '-o', 'jsonpath={.data.greeting}'), 'good day');
});

test('an upgrade that the API refuses says why, and changes nothing', { skip }, async () => {
  const refused = await suite.run([binary, 'upgrade', 'hello', CHART, '--set', 'greeting=far too long for the definition']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Greeting\.example\.com "hello" is invalid: spec\.text: Too long: may not be more than 20/);
  assert.match(await helm('history', 'hello'), /2 .*\n?.*3 .*failed/s);
});

test('rollback brings the first revision back', { skip }, async () => {
  await helm('rollback', 'hello', '1', '--wait', '--timeout', '60s');
  assert.match(await shown(), /^1 registry\.slipway\.local\/demo:1 /);
  assert.match(await helm('history', 'hello'), /Rollback to 1/);
});

test('what is there is found again: list, status, get manifest, and a dry run against the server', { skip }, async () => {
  assert.match(await helm('list'), /^hello\s+default\s+4\s.*deployed\s+hello-0\.1\.0/m);
  assert.match(await helm('status', 'hello', '--show-resources'), /==> v1\/Deployment\nNAME +READY[^\n]*\nhello +1\/1/);
  assert.match(await helm('get', 'manifest', 'hello'), /kind: PodDisruptionBudget/);
  assert.match(await helm('upgrade', 'hello', CHART, '--dry-run=server', '--set', 'replicas=7'), /replicas: 7/);
  assert.match(await shown(), /^1 /);
});

test('uninstall removes everything but the definition', { skip }, async () => {
  assert.match(await helm('uninstall', 'hello', '--wait', '--timeout', '60s'), /release "hello" uninstalled/);
  assert.equal(await get('deployment,service,configmap,pdb,greeting,secret', '-l', 'app.kubernetes.io/managed-by=Helm', '-o', 'name'), '');
  assert.match(await get('crd', '-o', 'name'), /greetings\.example\.com/);
});
