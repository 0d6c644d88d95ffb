/** The life of a cluster after its first minute: nodes come, fail, return and go; the whole stops and starts. */
import assert from 'node:assert/strict';
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
const readyPods = async (): Promise<string[]> => {
  const path = '{range .items[*]}{.metadata.name} {.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const rows = (await succeed('get', 'pods', '-l', 'app=demo', '-o', `jsonpath=${path}`)).split('\n');
  return rows.filter((row) => row.endsWith(' True'));
};

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

test('node remove drains it and takes it out', async () => {
  await succeed('node', 'remove', 'life-3');
  assert.deepEqual(
    (await nodes()).map((node) => node.name),
    ['life-1', 'life-2'],
  );
  assert.doesNotMatch(await succeed('get', 'nodes', '-o', 'name'), /life-3/);
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

test('logs-of shows what a service of a node says', async () => {
  assert.match(await succeed('logs-of', 'life-1'), /slipway-server: running/);
  assert.notEqual(await succeed('logs-of', 'life-1', 'slipway-containerd'), '');
});
