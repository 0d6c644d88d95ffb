/** Every line that jobs write with `-o json`, held against the published schema. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { schemaProblems } from '../support/json-schema.ts';
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

const job = async (args: readonly string[]): Promise<Event[]> => {
  const result = await suite.slipway([...args, '-o', 'json']);
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
  (await import('node:fs')).writeFileSync(archive, await pauseImage());
  const loaded = await job(['image', 'load', archive, '--cluster', 'ev']);
  assert.equal(loaded.filter(({ step, node }) => step === 'load-image' && node).length > 0, true);
  await job(['node', 'remove', 'ev-2', '--cluster', 'ev']);
  await job(['stop', 'ev']);
  await job(['start', 'ev']);
  const down = await job(['down', 'ev']);
  assert.deepEqual(down.at(-1)?.['machines'], ['ev-1']);
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
