/** The daily work with Slipway's own commands on a real cluster of two nodes: the story of the README, and what can go wrong in it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeImageArchive } from '../../src/provision/images/write-archive.ts';
import { DEMO_IMAGE, DEMO_IMAGE_2, deploymentManifest, type Program, podsOf, startProgram } from '../support/demo-cluster.ts';
import { type CliResult, enterSuite } from '../support/suite.ts';
import { noTerminal, startTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const program = [process.execPath, fileURLToPath(new URL('../../dist/slipway.js', import.meta.url))];
const file = (name: string): string => join(suite.root, name);

/** Runs a command that must succeed; answers its stdout. */
const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}\n${result.stdout}${result.stderr}`);
  return result.stdout;
};
/** Runs a command that must fail so. */
const fails = async (code: number, pattern: RegExp, ...args: string[]): Promise<void> => {
  const result = await suite.slipway(args);
  assert.deepEqual([result.code, result.stdout], [code, ''], `slipway ${args.join(' ')}\n${result.stderr}`);
  assert.match(result.stderr, pattern);
};
const running: Program[] = [];
const start = (...args: string[]): Program => {
  const started = startProgram([...program, ...args]);
  running.push(started);
  return started;
};
const terminal = startTerminal();
const aPod = async (): Promise<string> => [...(await podsOf(suite, 'app=web')).keys()][0] as string;

before(async () => {
  await slipway('up', 'own', '--yes');
});

after(async () => {
  terminal.close();
  await Promise.all(running.map((each) => each.stop()));
  await suite.slipway(['down', 'own', '--force']);
});

test('run makes a Deployment, expose a Service of it, and any node answers', async () => {
  assert.equal(await slipway('run', 'web', `--image=${DEMO_IMAGE}`, '--replicas=3', '--port=8080'), 'deployment.apps/web created\n');
  assert.equal(await slipway('expose', 'deployment', 'web', '--type=NodePort', '--port=80', '--target-port=8080'), 'service/web exposed\n');
  assert.match(await slipway('rollout', 'status', 'deployment/web', '--timeout=90s'), /deployment "web" successfully rolled out\n$/);
  const port = await slipway('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}');
  const addresses = await slipway('get', 'nodes', '-o', 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}');
  for (const address of addresses.split(' '))
    await until(
      () =>
        fetch(`http://${address}:${port}/`).then(
          async (answer) => /Hello from Slipway, version 1/.test(await answer.text()),
          () => false,
        ),
      { what: `${address}:${port} answers` },
    );
});

test('get shows tables, and with -w changes as they come', async () => {
  const table = await slipway('get', 'nodes,deploy,svc', '-o', 'wide');
  assert.match(table, /node\/own-1 +Ready +.* +v1\.36\.\d+/);
  assert.match(table, /deployment.apps\/web +3\/3 +3 +3 .* registry.slipway.local\/demo:1 +app=web/);
  assert.match(table, /service\/web +NodePort +10\.96\.\d+\.\d+ +<none> +80:3\d+\/TCP/);
  const watch = start('get', 'deployment', 'web', '-w');
  await until(() => /^NAME .*\nweb +3\/3/.test(watch.stdout()), { what: 'the first row' });
  assert.equal(await slipway('scale', 'deployment', 'web', '--replicas=2'), 'deployment.apps/web scaled\n');
  await until(() => /web +2\/2/.test(watch.stdout()), { what: 'two replicas in the watch' });
  await watch.stop();
});

test('set image rolls out; history lists it, undo takes it back', async () => {
  assert.equal(await slipway('set', 'image', 'deployment/web', `*=${DEMO_IMAGE_2}`), 'deployment.apps/web image updated\n');
  assert.match(await slipway('rollout', 'status', 'deployment/web', '--timeout=90s'), /successfully rolled out/);
  assert.match(await slipway('rollout', 'history', 'deployment/web'), /REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>/);
  assert.match(await slipway('rollout', 'history', 'deployment/web', '--revision=2'), /demo:2/);
  assert.equal(await slipway('rollout', 'undo', 'deployment/web'), 'deployment.apps/web rolled back\n');
  await slipway('rollout', 'status', 'deployment/web', '--timeout=90s');
  assert.equal(await slipway('get', 'deploy', 'web', '-o', 'jsonpath={..image}'), DEMO_IMAGE);
  await until(async () => (await podsOf(suite, 'app=web')).size === 2, { withinMs: 60_000, what: 'the newer pods are gone' });
});

test('port-forward carries requests, several at once', async () => {
  const forward = start('port-forward', 'deployment/web', ':8080');
  await until(() => /Forwarding from 127\.0\.0\.1:(\d+) -> 8080/.test(forward.stdout()), { what: 'forwarding' });
  const port = /127\.0\.0\.1:(\d+)/.exec(forward.stdout())?.[1];
  const fetched = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()));
  for (const text of fetched) assert.match(text, /Hello from Slipway, version 1/);
  await forward.stop();
});

test('logs -f follows a container', async () => {
  const script = 'i=0; while :; do i=$((i+1)); echo tick $i; sleep 1; done';
  await slipway('run', 'ticker', `--image=${DEMO_IMAGE}`, '--command', '--', 'sh', '-c', script);
  await slipway('wait', '--for=condition=Ready', 'pod/ticker', '--timeout=60s');
  const logs = start('logs', '-f', 'ticker');
  await until(() => /^tick 1\n[\s\S]*tick 3\n/.test(logs.stdout()), { what: 'three ticks' });
  await logs.stop();
  assert.match(await slipway('logs', 'deployment/web', '--tail=1'), /demo version 1 listens on 8080/);
});

test('exec passes stdin, stdout, stderr and the exit code on', async () => {
  const pod = await aPod();
  const script = 'cat; echo wrong >&2; exit 7';
  const result = await suite.slipway(['exec', '-i', pod, '--', 'sh', '-c', script], { input: 'through\n' });
  assert.deepEqual([result.code, result.stdout], [7, 'through\n']);
  assert.match(result.stderr, /^wrong\n/);
});

test('exec -it has a terminal of the size of this one, also when that changes', { skip: noTerminal }, async () => {
  const window = terminal.open(`${program.join(' ')} exec -it ${await aPod()} -- sh`, { columns: 91, rows: 17 });
  await window.shows(/\$ *$/);
  window.type('busybox stty size', 'Enter');
  await window.shows(/^17 91$/m);
  window.resize({ columns: 77, rows: 13 });
  await until(
    async () => {
      window.type('clear; busybox stty size', 'Enter');
      await window.shows(/^\d+ \d+$/m);
      return /^13 77$/m.test(window.screen());
    },
    { what: 'the new size' },
  );
  window.type('exit 5', 'Enter');
  await window.shows(/exit code 5/);
});

test('cp copies there and back', async () => {
  const pod = await aPod();
  writeFileSync(file('from.txt'), 'x'.repeat(100_000));
  await slipway('cp', file('from.txt'), `${pod}:/tmp/there.txt`);
  await slipway('cp', `${pod}:/tmp/there.txt`, file('back.txt'));
  assert.equal(readFileSync(file('back.txt'), 'utf8'), readFileSync(file('from.txt'), 'utf8'));
});

test('run -i --rm talks to a container that is gone afterwards', async () => {
  const args = ['run', 'once', '-i', '--rm', '--restart=Never', `--image=${DEMO_IMAGE}`, '--command', '--', 'sh', '-c', 'cat; exit 3'];
  const result: CliResult = await suite.slipway(args, { input: 'said\n' });
  assert.equal(result.code, 3, result.stderr);
  assert.match(result.stdout, /^said\n/);
  await fails(1, /pods "once" not found/, 'get', 'pod', 'once');
});

test('describe shows what the pod is and what has happened to it', async () => {
  const text = await slipway('describe', 'pod', 'ticker');
  assert.match(text, /^Name: +ticker\n/);
  for (const part of [/Containers:\n {2}ticker:/, /Ready +True/, /Scheduled[\s\S]*Pulled[\s\S]*Created[\s\S]*Started/])
    assert.match(text, part);
  assert.match(await slipway('describe', 'node', 'own-2'), /Allocated resources:/);
  assert.match(await slipway('describe', 'service', 'web'), /Endpoints: +10\.244\.\d+\.\d+:8080,10\.244/);
});

test('edit shows the object with its status, and writes what was changed', async () => {
  writeFileSync(file('editor'), `#!/bin/sh\ncp "$1" ${file('seen.yaml')}\nsed -i 's/^  replicas: 2/  replicas: 3/' "$1"\n`, {
    mode: 0o755,
  });
  const edited = await suite.slipway(['edit', 'deployment', 'web'], { env: { EDITOR: file('editor') } });
  assert.deepEqual([edited.code, edited.stdout], [0, 'deployment.apps/web edited\n'], edited.stderr);
  assert.match(readFileSync(file('seen.yaml'), 'utf8'), /^status:\n(.*\n)* {2}readyReplicas: 2$/m);
  assert.equal(await slipway('get', 'deploy', 'web', '-o', 'jsonpath={.spec.replicas}'), '3');
});

test('apply makes, and leaves what is as the file says', async () => {
  writeFileSync(file('shop.yaml'), deploymentManifest('shop', { replicas: 1 }));
  assert.equal(await slipway('apply', '-f', file('shop.yaml')), 'deployment.apps/shop created\nservice/shop created\n');
  assert.equal(await slipway('apply', '-f', file('shop.yaml')), 'deployment.apps/shop unchanged\nservice/shop unchanged\n');
  assert.equal(
    await slipway('delete', '-f', file('shop.yaml')),
    'deployment.apps "shop" deleted from default namespace\nservice "shop" deleted from default namespace\n',
  );
});

test('image load brings an archive to all nodes, and has nothing to do the second time', async () => {
  const reference = 'registry.slipway.local/echo:1';
  const archive = await writeImageArchive({
    reference,
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    entries: [{ path: 'busybox', content: readFileSync('/bin/busybox'), mode: 0o755 }],
    config: { Entrypoint: ['/busybox', 'echo'] },
  });
  writeFileSync(file('echo.tar'), archive);
  const steps = async (): Promise<string[]> =>
    (await slipway('image', 'load', file('echo.tar'), '-o', 'json'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter((event) => event.type === 'step-done' && event.step === 'load-image')
      .map((event) => `${event.node.split(' ')[0]}: ${event.changed ? 'loaded' : 'unchanged'}`)
      .sort();
  assert.deepEqual(await steps(), ['own-1: loaded', 'own-2: loaded']);
  assert.deepEqual(await steps(), ['own-1: unchanged', 'own-2: unchanged']);
  assert.match(await slipway('image', 'list'), /^registry.slipway.local\/echo:1 +[0-9a-f]{12} +own-1, own-2$/m);
  const said = await slipway('run', 'echo', '-i', '--rm', '-q', '--restart=Never', `--image=${reference}`, '--', 'hello');
  assert.match(said, /^hello\n/);
});

const noBuilder = spawnSync('buildah', ['--version']).error ? 'needs buildah' : false;
test('image build makes an image from a Containerfile and brings it to all nodes', { skip: noBuilder }, async () => {
  writeFileSync(file('busybox'), readFileSync('/bin/busybox'), { mode: 0o755 });
  writeFileSync(file('Containerfile'), 'FROM scratch\nCOPY busybox /busybox\nENTRYPOINT ["/busybox", "echo", "built"]\n');
  await slipway('image', 'build', '-t', 'registry.slipway.local/built:1', suite.root);
  // The builder's store is the host's.
  await suite.run(['buildah', '--storage-driver', 'vfs', 'rmi', 'registry.slipway.local/built:1']);
  const said = await slipway('run', 'built', '-i', '--rm', '-q', '--restart=Never', '--image=registry.slipway.local/built:1');
  assert.match(said, /^built\n/);
});

test('cordon, drain, uncordon and taint', async () => {
  assert.equal(await slipway('cordon', 'own-2'), 'node/own-2 cordoned\n');
  assert.match(await slipway('get', 'node', 'own-2'), /Ready,SchedulingDisabled/);
  const refused = await suite.slipway(['drain', await slipway('get', 'pod', 'ticker', '-o', 'jsonpath={.spec.nodeName}')]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Pods that declare no controller \(use --force to override\): default\/ticker/);
  await slipway('uncordon', 'own-1');
  const drained = await slipway('drain', 'own-2', '--ignore-daemonsets', '--force', '--grace-period=1', '--timeout=60s');
  assert.match(drained, /^node\/own-2 already cordoned\n[\s\S]*node\/own-2 drained\n$/);
  await until(
    async () => {
      const pods = [...(await podsOf(suite, 'app=web')).values()];
      return pods.length === 3 && pods.every((pod) => pod.ready && pod.node === 'own-1');
    },
    { withinMs: 60_000, what: 'all pods on the other node' },
  );
  assert.equal(await slipway('uncordon', 'own-2'), 'node/own-2 uncordoned\n');
  assert.equal(await slipway('taint', 'node', 'own-2', 'for=us:NoSchedule'), 'node/own-2 tainted\n');
  assert.equal(await slipway('taint', 'node', 'own-2', 'for=us:NoSchedule-'), 'node/own-2 untainted\n');
});

test('bad input: an error that names what is wrong, and nothing half-done', async () => {
  await fails(2, /unknown flag: --replica\ndid you mean --replicas\?/, 'scale', 'deployment', 'web', '--replica=3');
  await fails(2, /unknown command "scalle"[\s\S]*did you mean: slipway scale\?/, 'scalle');
  await fails(1, /the server doesn't have a resource type "podz"\ndid you mean: pod, pods/, 'get', 'podz');
  await fails(1, /deployments.apps "nothing" not found/, 'scale', 'deployment', 'nothing', '--replicas=1');
  writeFileSync(file('broken.yaml'), 'kind: [Pod\n');
  await fails(1, /MANIFEST_INVALID[\s\S]*broken\.yaml/, 'apply', '-f', file('broken.yaml'));
  writeFileSync(file('unknown.yaml'), deploymentManifest('odd', { replicas: 1 }).replace('replicas:', 'replica:'));
  const unknown = await suite.slipway(['apply', '-f', file('unknown.yaml')]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /unknown field "spec.replica"/);
  await fails(1, /deployments.apps "odd" not found/, 'get', 'deployment', 'odd');
});

test('an image that is nowhere is told in the status of its pod', async () => {
  await slipway('run', 'absent', '--image=registry.slipway.local/nothing:1', '--image-pull-policy=Never');
  await until(async () => (await slipway('get', 'pod', 'absent')).includes('ErrImageNeverPull'), { what: 'ErrImageNeverPull' });
});

test('status tells how the cluster is; delete removes with what belongs to it', async () => {
  assert.match(await slipway('status', 'own'), /own-1[\s\S]*own-2/);
  assert.match(await slipway('delete', 'deployment,service', 'web'), /deployment.apps "web" deleted/);
  await slipway('delete', 'pod', '--all', '--now');
  await until(async () => (await slipway('get', 'pods', '-o', 'name')) === '', { withinMs: 60_000, what: 'no pod left' });
});

test('down asks on a terminal for the name of the cluster', { skip: noTerminal }, async () => {
  await fails(2, /name the cluster \(slipway down own\), or add --yes/, 'down');
  const window = terminal.open(`${program.join(' ')} down own`, { columns: 120, rows: 20 });
  await window.shows(/Type its name to go on/);
  window.type('C-c');
  await window.shows(/nothing was changed\nexit code 130/);
  const again = terminal.open(`${program.join(' ')} down own`, { columns: 120, rows: 20 });
  await again.shows(/Type its name to go on/);
  again.type('own', 'Enter');
  await again.shows(/✔ Removing machines \(\d+\.\d+ s\)\n✔ Removing the network[\s\S]*Cluster own is removed[\s\S]*exit code 0/);
});
