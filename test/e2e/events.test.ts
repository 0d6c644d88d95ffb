/** Every line that jobs write with `-o json`, held against the published schema. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { schemaProblems } from '../support/json-schema.ts';
import { startSshMachines } from '../support/sshd.ts';
import { type CliResult, enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const docs = join(import.meta.dirname, '../../docs/reference');
const schema = JSON.parse(readFileSync(join(docs, 'events.schema.json'), 'utf8'));
const page = readFileSync(join(docs, 'events.md'), 'utf8');

interface Event {
  type: string;
  step?: string;
  node?: string;
  [field: string]: unknown;
}

/** Checks the lines, and that what begins also ends. */
const eventsOf = ({ stdout }: CliResult): Event[] => {
  const events = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Event);
  const open = new Set<string>();
  for (const event of events) {
    assert.deepEqual(schemaProblems(schema, event), [], JSON.stringify(event));
    if (!event.step) continue;
    assert.ok(page.includes(`\`${event.step}\``), `docs/reference/events.md does not name ${event.step}`);
    const key = `${event.step} ${event.node ?? ''}`;
    if (event.type === 'step-started') open.add(key);
    else assert.ok(open.has(key) || event.type === 'step-skipped', `${key} did not begin`);
    if (event.type === 'step-done' || event.type === 'step-failed') open.delete(key);
  }
  assert.deepEqual([...open], []);
  return events;
};

const job = async (args: readonly string[], asJson = ['-o', 'json']): Promise<Event[]> => {
  const result = await suite.slipway([...args, ...asJson]);
  assert.equal(result.code, 0, `${args.join(' ')}\n${result.stderr}`);
  assert.equal(result.stderr, '', 'progress is on stdout alone');
  const events = eventsOf(result);
  assert.equal(events.at(-1)?.type, 'result');
  return events;
};

test('up, node add, image load, node remove, stop, start and down', async () => {
  const up = await job(['up', 'ev', '--nodes', '1', '--demo', '--wait', '--timeout', '5m']);
  assert.ok(up.some(({ type, step }) => type === 'step-done' && step === 'workloads-ready'));
  const again = await job(['up', 'ev']);
  assert.equal(again.at(-1)?.['changed'], false);
  const added = await job(['node', 'add', '--cluster', 'ev']);
  assert.equal((added.at(-1)?.['nodes'] as unknown[] | undefined)?.length, 2);
  const archive = join(suite.root, 'pause.tar');
  const { pauseImage } = await import('../../src/provision/images/builtin-images.ts');
  writeFileSync(archive, await pauseImage());
  const loaded = await job(['image', 'load', archive, '--cluster', 'ev']);
  assert.equal(loaded.filter(({ step, node }) => step === 'load-image' && node).length > 0, true);
  writeFileSync(archive, 'no image');
  const broken = await suite.slipway(['image', 'load', archive, '--cluster', 'ev', '-o', 'json']);
  assert.deepEqual([broken.code, eventsOf(broken).at(-1)?.type], [1, 'step-failed']);
  assert.equal(JSON.parse(broken.stderr).error.code, 'IMAGE_INVALID');
  await job(['node', 'remove', 'ev-2', '--cluster', 'ev']);
  await job(['stop', 'ev']);
  await job(['start', 'ev']);
  const down = await job(['down', 'ev']);
  assert.deepEqual(down.at(-1)?.['machines'], ['ev-1']);
});

const stepsOf = (events: readonly Event[]): string[] => [...new Set(events.flatMap(({ step }) => step ?? []))];

test('a cluster of a file with hooks and manifests; what is done to its nodes, its certificates and its state', async () => {
  const file = join(suite.root, 'filed.yaml');
  writeFileSync(
    file,
    `apiVersion: slipway/v1
kind: Cluster
metadata: {name: filed}
spec:
  pools: [{name: main, count: 2}]
  hooks: {beforeUp: ['true'], afterUp: ['true'], beforeDown: ['true'], afterDown: ['true']}
  manifests: [settings.yaml]
`,
  );
  writeFileSync(join(suite.root, 'settings.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n');
  const made = stepsOf(await job(['up', '-f', file]));
  for (const step of ['before-up', 'manifests', 'after-up']) assert.ok(made.includes(step), step);

  for (const change of ['stop', 'start', 'kill', 'start']) {
    const events = await job(['node', change, 'filed-2', '--cluster', 'filed']);
    assert.deepEqual(stepsOf(events), [`${change}-node`]);
    assert.deepEqual([events.at(-1)?.['cluster'], events.at(-1)?.node], ['filed', 'filed-2']);
  }
  const unknown = await suite.slipway(['node', 'kill', 'nobody', '--cluster', 'filed', '-o', 'json']);
  assert.equal(eventsOf(unknown).at(-1)?.type, 'step-failed');
  assert.equal(JSON.parse(unknown.stderr).error.code, 'NODE_UNKNOWN');

  const rotated = await job(['certs', 'rotate', 'filed']);
  assert.deepEqual(rotated.at(-1)?.['nodes'], ['filed-1', 'filed-2']);
  const replaced = stepsOf(await job(['node', 'replace', 'filed-2', '--cluster', 'filed']));
  for (const step of ['drain', 'machine', 'machines', 'nodes-ready']) assert.ok(replaced.includes(step), step);
  assert.ok((await job(['upgrade', 'filed'])).at(-1)?.['version']);

  const bundle = join(suite.root, 'support.tar.gz');
  const written = await job(['support', 'bundle', 'filed', '-o', bundle], ['--progress', 'json']);
  assert.equal(written.at(-1)?.['path'], bundle);

  rmSync(join(suite.home, 'clusters/filed'), { recursive: true });
  assert.ok(stepsOf(await job(['adopt', 'filed'])).includes('state'));
  await job(['up', '-f', file]);
  const removed = stepsOf(await job(['down', 'filed']));
  for (const step of ['before-down', 'after-down']) assert.ok(removed.includes(step), step);
});

test('node reset, over SSH', async () => {
  const machines = await startSshMachines(join(suite.root, 'ssh'), 1);
  try {
    const events = await job(['node', 'reset', machines.targets[0] ?? '', '-i', machines.identityFile]);
    assert.deepEqual(stepsOf(events), ['reach', 'uninstall']);
  } finally {
    await machines.close();
  }
});

const noBuilder = spawnSync('buildah', ['--version']).error ? 'needs buildah' : false;
test('bundle create', async () => {
  const path = join(suite.root, 'bundle.tar.gz');
  const events = await job(['bundle', 'create', '--packages=false', '-o', path], ['--progress=json']);
  assert.deepEqual(stepsOf(events), ['collect-programs', 'collect-images', 'collect-packages', 'write-bundle']);
  assert.equal(events.at(-1)?.['path'], path);
});

test('bundle create with a cluster file: an image that cannot be had is named, with the flag that gives it', {
  skip: noBuilder,
}, async () => {
  const path = join(suite.root, 'filed.tar.gz');
  const file = join(suite.root, 'far.yaml');
  writeFileSync(file, 'apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: far}\nspec: {manifests: [far-pod.yaml]}\n');
  const spec = '{containers: [{name: c, image: registry.example/none:1}]}';
  writeFileSync(join(suite.root, 'far-pod.yaml'), `apiVersion: v1\nkind: Pod\nmetadata: {name: far}\nspec: ${spec}\n`);
  const result = await suite.slipway(['bundle', 'create', '--packages=false', '-f', file, '-o', path, '--progress', 'json']);
  const events = eventsOf(result);
  assert.deepEqual([result.code, events.at(-1)?.type, events.at(-1)?.step], [1, 'step-failed', 'collect-images']);
  assert.deepEqual(stepsOf(events), ['collect-programs', 'collect-cluster', 'collect-images']);
  const { error } = JSON.parse(result.stderr);
  assert.equal(error.tried, 'fetch the image registry.example/none:1');
  assert.deepEqual(error.advice, [`slipway bundle create -f ${file} --image ARCHIVE   # one of registry.example/none:1`]);
  assert.ok(!existsSync(path));
});

test('image build: every line of the builder is a detail; one that fails is told as all errors are', { skip: noBuilder }, async () => {
  const folder = join(suite.root, 'app');
  mkdirSync(folder);
  writeFileSync(join(folder, 'Containerfile'), 'FROM scratch\nCOPY page /page\n');
  const args = ['image', 'build', '-t', 'registry.slipway.local/page:1', '--load=false', folder];
  const failed = await suite.slipway([...args, '-o', 'json']);
  assert.equal(eventsOf(failed).at(-1)?.type, 'step-failed');
  const { error } = JSON.parse(failed.stderr);
  assert.deepEqual([error.code, error.step], ['COMMAND_FAILED', 'build-image']);
  writeFileSync(join(folder, 'page'), 'hello\n');
  const events = await job(args);
  assert.ok(events.some(({ type, detail }) => type === 'step-detail' && /FROM scratch/.test(String(detail))));
  assert.equal(events.at(-1)?.['image'], 'registry.slipway.local/page:1');
  // The folder, and the file, as they lie from here.
  const inRoot = ['sh', '-c', 'cd "$0" && exec "$@"', suite.root, process.execPath, join(import.meta.dirname, '../../dist/slipway.js')];
  const relative = ['image', 'build', '-t', 'registry.slipway.local/page:1', '--load=false', '-f', 'app/Containerfile', 'app'];
  const plain = await suite.run([...inRoot, ...relative]);
  await suite.run(['buildah', '--storage-driver', 'vfs', 'rmi', 'registry.slipway.local/page:1']);
  assert.match(plain.stderr, /^STEP 1\/2: FROM scratch$[\s\S]*^ok +Building registry\.slipway\.local\/page:1 /m);
});

test('a job that fails: its events fit, and its error is JSON on stderr with a documented exit code', async () => {
  const result = await suite.slipway(['up', 'late', '--nodes', '1', '--timeout', '300ms', '-o', 'json']);
  assert.equal(result.code, 124);
  eventsOf(result);
  const error = JSON.parse(result.stderr.trim().split('\n').at(-1) ?? '');
  assert.deepEqual(schemaProblems(schema.$defs.error, error, schema), []);
  assert.equal(error.error.code, 'DEADLINE');
  assert.match(error.error.cause, /".+" \([a-z-]+\).* under way; what was made is removed again/);
  assert.deepEqual(await suite.leftovers(), []);
  const usage = await suite.slipway(['up', 'Not_A_Name', '-o', 'json']);
  assert.equal(usage.code, 2);
  assert.deepEqual(schemaProblems(schema.$defs.error, JSON.parse(usage.stderr), schema), []);
  const flag = await suite.slipway(['up', 'late', '--frobnicate', '-o', 'json']);
  assert.deepEqual([flag.code, JSON.parse(flag.stderr).error.code], [2, 'USAGE']);
});

test('SIGTERM ends a job as Ctrl-C does, with what it made taken back', async () => {
  const running = suite.startSlipway(['up', 'term', '--nodes', '2', '-o', 'json']);
  while (!running.output().includes('"step":"programs"')) await new Promise((resolve) => setTimeout(resolve, 10));
  running.signal('SIGTERM');
  const result = await running.ended;
  assert.equal(result.code, 143, result.stderr);
  eventsOf(result);
  assert.deepEqual(await suite.leftovers(), []);
});
