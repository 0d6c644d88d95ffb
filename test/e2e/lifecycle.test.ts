/** The life of a cluster after its first minute: nodes come, fail, return and go; the whole stops and starts. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const succeed = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
interface NodeRow {
  name: string;
  machine: string;
  ready?: boolean;
}
const nodes = async (): Promise<NodeRow[]> => JSON.parse(await succeed('node', 'list', '-o', 'json'));
const readyPods = async (app = 'demo'): Promise<string[]> => {
  const path = '{range .items[*]}{.metadata.name} {.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const rows = (await succeed('get', 'pods', '-l', `app=${app}`, '-o', `jsonpath=${path}`)).split('\n');
  return rows.filter((row) => row.endsWith(' True'));
};

/** Of machines that there are. */
const machineFolders = (): string[] => readdirSync(join(suite.data, 'clusters/life/nodes')).sort();

before(() => succeed('up', 'life', '--yes', '--demo'));
after(() => suite.slipway(['down', 'life', '--force']));

test('node add brings a node that is ready', async () => {
  assert.match(await succeed('node', 'add'), /has 3 nodes now/);
  assert.deepEqual(
    (await nodes()).map((node) => [node.name, node.machine, node.ready]),
    ['life-1', 'life-2', 'life-3'].map((name) => [name, 'running', true]),
  );
});

test('up with fewer nodes is refused, and says how to remove one', async () => {
  const result = await suite.slipway(['up', 'life', '--nodes', '2']);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /slipway node remove life-3/);
});

test('a node without power is seen as such, and comes back with node start', async () => {
  await succeed('node', 'kill', 'life-3');
  assert.equal((await nodes())[2]?.machine, 'stopped');
  await until(async () => (await nodes())[2]?.ready === false, { withinMs: 60_000, what: 'life-3 is not Ready' });
  assert.match((await suite.slipway(['doctor'])).stdout, /life-3 is stopped[\s\S]*slipway node start life-3/);
  await succeed('node', 'start', 'life-3');
  await until(async () => (await nodes())[2]?.ready === true, { withinMs: 60_000, what: 'life-3 is Ready' });
});

test('node list -o wide tells the driver, the pool, the version and the age', async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string };
  assert.match(
    await succeed('node', 'list', '-o', 'wide'),
    new RegExp(`life-3 +\\S+ +running +Ready +local +main +${version.replaceAll('.', '\\.')} +\\d+[sm]`),
  );
});

test('node ssh runs a command as root, with its exit code', async () => {
  assert.equal((await succeed('node', 'ssh', 'life-3', '--', 'hostname')).trim(), 'life-3');
  assert.equal((await suite.slipway(['node', 'ssh', 'life-3', '--', 'sh', '-c', 'exit 7'])).code, 7);
  assert.equal((await suite.slipway(['node', 'ssh', 'life-3'], { input: 'id -u; exit 3\n' })).stdout.trim(), '0');
});

test('node replace puts a new machine in its place', async () => {
  await succeed('node', 'ssh', 'life-3', '--', 'touch', '/var/lib/slipway/old-machine');
  await succeed('node', 'replace', 'life-3');
  assert.equal((await suite.slipway(['node', 'ssh', 'life-3', '--', 'test', '-e', '/var/lib/slipway/old-machine'])).code, 1);
  assert.deepEqual(
    (await nodes()).map((node) => [node.name, node.ready]),
    ['life-1', 'life-2', 'life-3'].map((name) => [name, true]),
  );
  const refused = await suite.slipway(['node', 'replace', 'life-1']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /only control plane/);
});

test('node remove drains it as disruption budgets allow, and its machine goes', async () => {
  const others = ['life-1', 'life-2'];
  for (const name of others) await succeed('cordon', name);
  await succeed('create', 'deployment', 'guarded', '--image=registry.slipway.local/demo:1', '--replicas=2');
  await succeed('create', 'poddisruptionbudget', 'guarded', '--selector=app=guarded', '--min-available=2');
  const places = async (): Promise<string[]> => (await readyPods('guarded')).map((row) => row.split(' ')[1] ?? '');
  await until(async () => (await places()).length === 2, { withinMs: 60_000, what: 'two ready pods on life-3' });
  const before = await readyPods('guarded');
  for (const name of others) await succeed('uncordon', name);
  const removal = suite.startSlipway(['node', 'remove', 'life-3']);
  await until(async () => /life-3 .*SchedulingDisabled/.test(await succeed('get', 'nodes')), { what: 'life-3 is cordoned' });
  // The budget lets none of them go: several looks later all is as it was, and the machine is there.
  for (let look = 0; look < 8; look++) assert.deepEqual(await readyPods('guarded'), before);
  assert.deepEqual(new Set(await places()), new Set(['life-3']));
  assert.ok(machineFolders().includes('life-3'));
  await succeed('patch', 'poddisruptionbudget', 'guarded', '--type=merge', '-p', '{"spec":{"minAvailable":1}}');
  const { code, stderr } = await removal.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /ok +Draining life-3[\s\S]*ok +Removing life-3/);
  await until(async () => (await places()).length === 2, { withinMs: 60_000, what: 'two ready pods elsewhere' });
  assert.ok((await places()).every((name) => others.includes(name)));
  assert.deepEqual(
    (await nodes()).map((node) => node.name),
    others,
  );
  assert.doesNotMatch(await succeed('get', 'nodes', '-o', 'name'), /life-3/);
  assert.deepEqual(machineFolders(), others);
  await succeed('delete', 'deployment/guarded', 'poddisruptionbudget/guarded');
});

test('the node of the control plane is not removed', async () => {
  const result = await suite.slipway(['node', 'remove', 'life-1']);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /only control plane/);
});

test('stop and start: the workloads come back', async () => {
  await until(async () => (await readyPods()).length === 2, { withinMs: 60_000, what: 'two ready pods before' });
  await succeed('stop', 'life');
  assert.deepEqual(
    JSON.parse(await succeed('status', 'life', '-o', 'json')).nodes.map((node: NodeRow) => node.machine),
    ['stopped', 'stopped'],
  );
  await succeed('start', 'life');
  await until(async () => (await readyPods()).length === 2, { withinMs: 90_000, what: 'two ready pods after' });
  const again = await suite.slipway(['up', 'life', '--demo']);
  assert.match(again.stderr, /ok +Fetching the demo through its Service/);
});

test('after a reboot of this computer, start brings all back', async () => {
  // Every sandbox dies at once, and what lies on /run is gone with them.
  for (const name of ['life-1', 'life-2']) await succeed('node', 'kill', name);
  for (const entry of readdirSync('/run')) {
    await suite.run(['umount', '-R', '-l', join('/run', entry, 'rootfs')]);
    rmSync(join('/run', entry), { recursive: true, force: true });
  }
  const started = await suite.slipway(['start', 'life']);
  assert.equal(started.code, 0, started.stderr);
  assert.match(started.stderr, /ok +Waiting for workloads/);
  assert.equal((await readyPods()).length, 2, 'start has waited for them');
});

test('node remove --force takes out a node whose machine is off', async () => {
  await succeed('node', 'add');
  await succeed('node', 'kill', 'life-3');
  await succeed('node', 'remove', 'life-3', '--force');
  assert.deepEqual(
    (await nodes()).map((node) => node.name),
    ['life-1', 'life-2'],
  );
});

test('logs-of shows what a service of a node says', async () => {
  assert.match(await succeed('logs-of', 'life-1'), /slipway-server: running/);
  assert.notEqual(await succeed('logs-of', 'life-1', 'slipway-containerd'), '');
});
