import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CATALOGUE } from '../../../src/base/errors/catalogue.ts';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import type { ProgressEvent } from '../../../src/base/progress.ts';
import { OUTPUT_FLAG, PROGRESS_FLAG } from '../../../src/cli/base-command.ts';
import { viewOfError } from '../../../src/cli/print-error.ts';
import { COMMANDS, type CommandEntry } from '../../../src/commands/index.ts';
import { STEPS } from '../../../src/provision/steps/index.ts';
import { schemaProblems } from '../../support/json-schema.ts';

const root = join(import.meta.dirname, '../../..');
const schema = JSON.parse(readFileSync(join(root, 'docs/reference/events.schema.json'), 'utf8'));
const page = readFileSync(join(root, 'docs/reference/events.md'), 'utf8');

/** One of each; the record makes the compiler ask for those that are added. */
const EVENTS: Record<ProgressEvent['type'], ProgressEvent> = {
  'step-started': { type: 'step-started', step: 'machines', title: 'Making machines' },
  'step-detail': { type: 'step-detail', step: 'machines', detail: 'demo-1 has an address', node: 'demo-1' },
  'step-done': { type: 'step-done', step: 'machines', changed: true, milliseconds: 12 },
  'step-skipped': { type: 'step-skipped', step: 'machines', title: 'Making machines', reason: 'they are there' },
  'step-failed': { type: 'step-failed', step: 'machines', reason: 'no room' },
  note: { type: 'note', message: 'hello' },
  warning: { type: 'warning', message: 'careful' },
};

test('every kind of event fits the published schema, and the page names it', () => {
  for (const event of Object.values(EVENTS)) {
    assert.deepEqual(schemaProblems(schema, { time: new Date().toISOString(), ...event }), []);
    assert.ok(page.includes(`\`${event.type}\``), event.type);
  }
});

test('what is no event does not fit', () => {
  const time = new Date().toISOString();
  for (const wrong of [
    { type: 'note', message: 'without a time' },
    { time, type: 'step-begun', step: 'machines' },
    { time, type: 'step-done', step: 'machines' },
    { time, type: 'step-started', step: 'Making machines', title: 'a title for a name' },
    { time, type: 'note', message: 'x', more: 1 },
  ])
    assert.notDeepEqual(schemaProblems(schema, wrong), [], JSON.stringify(wrong));
});

test('errors fit it too', () => {
  const error = new SlipwayError('STEP_FAILED', {
    tried: 'work',
    cause: 'no room',
    advice: ['df -h'],
    logLines: ['full'],
    step: { name: 'machines', title: 'Making machines' },
  });
  assert.deepEqual(schemaProblems(schema.$defs.error, viewOfError(error, 'up').json, schema), []);
  for (const code of Object.keys(CATALOGUE)) assert.match(code, new RegExp(schema.$defs.error.properties.error.properties.code.pattern));
});

const sourcesIn = (pattern: string): { file: string; text: string }[] =>
  globSync(pattern, { cwd: root }).map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

test('the page lists every step of every job, and no other', () => {
  const sources = sourcesIn('src/provision/**/*.ts').map(({ text }) => text);
  const written = sources.flatMap((text) =>
    // `{ name, title }` of steps, the events of jobs that write them themselves, and parts that are collected.
    [/\bname: '([a-z-]+)',\s*title: /g, /\bstep: '([a-z-]+)'/g, /\bcollect\('([a-z-]+)'/g].flatMap((pattern) =>
      [...text.matchAll(pattern)].map((match) => match[1] as string),
    ),
  );
  const missing = [...STEPS.map((step) => step.name), ...written].filter((name) => !page.includes(`\`${name}\``));
  assert.deepEqual([...new Set(missing)], [], 'programs read these names: each needs a row in docs/reference/events.md');
  const rows = page.slice(page.indexOf('| step |')).matchAll(/^\| ((?:`[a-z-]+`(?:, )?)+) \|/gm);
  const listed = [...rows].flatMap(([, names = '']) => [...names.matchAll(/`([a-z-]+)`/g)].map((match) => match[1] as string));
  const stale = listed.filter((name) => !sources.some((text) => text.includes(`'${name}'`)));
  assert.deepEqual(stale, []);
});

test('every command that shows progress gives it as JSON too, and the page names it', async () => {
  const shown = sourcesIn('src/commands/**/*.ts').filter(({ text }) => text.includes('followJob('));
  assert.ok(shown.length > 15);
  const first = page.slice(0, page.indexOf('Every event has'));
  for (const { file } of shown) {
    const id = file.slice('src/commands/'.length, -'.ts'.length).replace('/', ' ');
    const { default: Command } = await (COMMANDS[id] as CommandEntry).load();
    const flags = Object.values(Command.flags);
    assert.ok(flags.includes(OUTPUT_FLAG) || flags.includes(PROGRESS_FLAG), `${id} has neither -o json nor --progress json`);
    assert.ok(first.includes(`\`${id}\``), `docs/reference/events.md does not name ${id}`);
  }
});
