/** The daily work with stock kubectl, unchanged, on real containers. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DEMO_IMAGE_2, deploymentManifest, type Program, podsOf, startProgram, succeed, untilReady } from '../support/demo-cluster.ts';
import { findKubectl } from '../support/kubectl.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const found = findKubectl();
const skip = 'missing' in found ? found.missing : false;
const binary = 'path' in found ? found.path : '';
const kubectl = (...args: string[]): Promise<string> => succeed(suite, [binary, ...args]);
const running: Program[] = [];
const start = (...args: string[]): Program => {
  const program = startProgram([binary, ...args]);
  running.push(program);
  return program;
};
const aPod = async (): Promise<string> => (await kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n')[0] as string;

before(async () => {
  if (skip) return;
  const up = await suite.slipway(['up', 'kube', '--yes']);
  assert.equal(up.code, 0, up.stderr);
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: 2 }));
});

after(async () => {
  await Promise.all(running.map((program) => program.stop()));
  if (!skip) await suite.slipway(['down', 'kube', '--force']);
});

test('apply makes, leaves and changes', { skip }, async () => {
  const file = join(suite.root, 'web.yaml');
  assert.equal(await kubectl('apply', '-f', file), 'deployment.apps/web created\nservice/web created\n');
  assert.equal(await kubectl('apply', '-f', file), 'deployment.apps/web unchanged\nservice/web unchanged\n');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(
      'labels: {app: web}}\nspec:\n  replicas: 2',
      'labels: {app: web, tier: front}}\nspec:\n  replicas: 3',
    ),
  );
  assert.equal(await kubectl('apply', '-f', file), 'deployment.apps/web configured\nservice/web unchanged\n');
  await untilReady(suite, 'app=web', 3);
});

test('get lists with the columns that everybody knows', { skip }, async () => {
  const out = await kubectl('get', 'nodes,pods,deploy,svc', '-o', 'wide');
  assert.match(out, /NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION +CONTAINER-RUNTIME/);
  assert.match(out, /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES/);
  assert.match(out, /deployment.apps\/web +3\/3 +3 +3 .* web +registry.slipway.local\/demo:1 +app=web/);
  assert.match(out, /service\/web +NodePort +10\.96\.\d+\.\d+ +<none> +80:3\d+\/TCP .* app=web/);
});

test('get -w shows changes as they come, and scale makes some', { skip }, async () => {
  const watch = start('get', 'deployment', 'web', '-w');
  await until(() => /web +3\/3/.test(watch.stdout()));
  assert.equal(await kubectl('scale', 'deployment', 'web', '--replicas=2'), 'deployment.apps/web scaled\n');
  await until(() => /web +2\/2/.test(watch.stdout()), { what: 'two replicas in the watch' });
  await watch.stop();
});

test('edit shows the object and writes what was changed', { skip }, async () => {
  const editor = join(suite.root, 'editor');
  writeFileSync(editor, '#!/bin/sh\nsed -i "s/tier: front/tier: back/" "$1"\n', { mode: 0o755 });
  const result = await suite.run([binary, 'edit', 'deployment', 'web'], { env: { KUBE_EDITOR: editor } });
  assert.equal(result.stdout, 'deployment.apps/web edited\n', result.stderr);
  assert.equal(await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.metadata.labels.tier}'), 'back');
});

test('logs -f follows a container', { skip }, async () => {
  assert.match(await kubectl('logs', await aPod()), /demo version 1 listens on 8080/);
  await kubectl(
    'run',
    'ticker',
    '--image=registry.slipway.local/demo:1',
    '--command',
    '--',
    'sh',
    '-c',
    'i=0; while :; do i=$((i+1)); echo tick $i; sleep 1; done',
  );
  await kubectl('wait', '--for=condition=Ready', 'pod/ticker', '--timeout=60s');
  const logs = start('logs', '-f', 'ticker');
  await until(() => /tick 1\n[\s\S]*tick 3\n/.test(logs.stdout()), { what: 'three ticks' });
  await logs.stop();
});

test('exec runs with stdin and a terminal, and passes the exit code on', { skip }, async () => {
  const pod = await aPod();
  assert.equal(await kubectl('exec', pod, '--', 'echo', 'hello'), 'hello\n');
  assert.equal((await suite.run([binary, 'exec', pod, '--', 'sh', '-c', 'exit 7'])).code, 7);
  assert.equal(await succeed(suite, [binary, 'exec', '-i', pod, '--', 'cat'], { input: 'through\n' }), 'through\n');
  const typescript = `${binary} exec -it ${pod} -- sh -c 'test -t 0 && echo a terminal'`;
  assert.match(await succeed(suite, ['script', '-qec', typescript, '/dev/null']), /a terminal/);
});

test('cp copies there and back', { skip }, async () => {
  const pod = (await aPod()).replace('pod/', '');
  const from = join(suite.root, 'from.txt');
  const back = join(suite.root, 'back.txt');
  writeFileSync(from, 'x'.repeat(100_000));
  await kubectl('cp', from, `${pod}:/tmp/there.txt`);
  await kubectl('cp', `${pod}:/tmp/there.txt`, back);
  assert.equal(readFileSync(back, 'utf8'), readFileSync(from, 'utf8'));
});

test('port-forward carries requests, several at once and one after another', { skip }, async () => {
  const forward = start('port-forward', 'deployment/web', ':8080');
  await until(() => /Forwarding from 127\.0\.0\.1:(\d+) -> 8080/.test(forward.stdout()), { what: 'forwarding' });
  const port = /127\.0\.0\.1:(\d+)/.exec(forward.stdout())?.[1];
  const fetched = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()));
  for (const text of fetched) assert.match(text, /Hello from Slipway, version 1/);
  assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /Hello/);
  await forward.stop();
});

test('rollout: status, history and undo of a new image', { skip }, async () => {
  await kubectl('set', 'image', 'deployment/web', `web=${DEMO_IMAGE_2}`);
  assert.match(await kubectl('rollout', 'status', 'deployment/web', '--timeout=90s'), /successfully rolled out/);
  await until(async () => (await podsOf(suite, 'app=web')).size === 2, { withinMs: 60_000, what: 'the old pods are gone' });
  assert.match(await kubectl('logs', await aPod()), /version 2/);
  assert.match(await kubectl('rollout', 'history', 'deployment/web'), /REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>/);
  await kubectl('rollout', 'undo', 'deployment/web');
  await kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
  assert.equal(
    await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image}'),
    'registry.slipway.local/demo:1',
  );
});

test('explain and api-resources know the kinds', { skip }, async () => {
  assert.match(await kubectl('explain', 'pod.spec.containers.image'), /KIND: +Pod\nVERSION: +v1\n\nFIELD: image <string>/);
  const resources = await kubectl('api-resources');
  for (const line of [/^pods +po +v1 +true +Pod$/m, /^deployments +deploy +apps\/v1 +true +Deployment$/m]) assert.match(resources, line);
});

test('describe tells of events', { skip }, async () => {
  const out = await kubectl('describe', 'pod', 'ticker');
  assert.match(out, /Scheduled[\s\S]*Pulled[\s\S]*Created[\s\S]*Started/);
});

test('an image that is not there is named in the status of the pod', { skip }, async () => {
  await kubectl('run', 'absent', '--image=registry.slipway.local/nothing:1', '--image-pull-policy=Never');
  await until(async () => (await kubectl('get', 'pod', 'absent')).includes('ErrImageNeverPull'), { what: 'ErrImageNeverPull' });
});

test('delete removes with everything that belongs to it', { skip }, async () => {
  await kubectl('delete', 'pod', 'ticker', 'absent', '--now');
  assert.match(await kubectl('delete', '-f', join(suite.root, 'web.yaml')), /deployment.apps "web" deleted/);
  await until(async () => (await suite.run([binary, 'get', 'pods', '-o', 'name'])).stdout === '', {
    withinMs: 60_000,
    what: 'no pod left',
  });
});

test('the API server takes no connection without TLS', { skip }, async () => {
  const server = new URL(await kubectl('config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}'));
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(Number(server.port), server.hostname, () => socket.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.setEncoding('utf8').on('data', (part) => (text += part));
    socket.on('close', () => resolve(text));
    socket.on('error', () => resolve(text));
  });
  assert.doesNotMatch(answer, /gitVersion/);
});
