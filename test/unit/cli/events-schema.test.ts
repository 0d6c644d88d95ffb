import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CATALOGUE } from '../../../src/base/errors/catalogue.ts';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import type { ProgressEvent } from '../../../src/base/progress.ts';
import { viewOfError } from '../../../src/cli/print-error.ts';
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

test('the page lists every step of every job', () => {
  const written = globSync('src/provision/**/*.ts', { cwd: root }).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const named = [...text.matchAll(/step\(push, \{ name: '([^']+)'/g), ...text.matchAll(/type: 'step-started', step: '([^']+)'/g)];
    return named.map((match) => match[1] as string);
  });
  const missing = [...STEPS.map((step) => step.name), ...written].filter((name) => !page.includes(`\`${name}\``));
  assert.deepEqual([...new Set(missing)], [], 'programs read these names: each needs a row in docs/reference/events.md');
});
