import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import type { ProgressEvent } from '../../../src/base/progress.ts';
import { runSteps } from '../../../src/provision/run-steps.ts';
import type { Step } from '../../../src/provision/steps/step.ts';

interface Run {
  said: string[];
  events: ProgressEvent[];
  interrupt: AbortController;
  stopped: AbortController;
}

const newRun = (): Run => ({ said: [], events: [], interrupt: new AbortController(), stopped: new AbortController() });
const step = (name: string, run: Run, more: Partial<Step<null>> = {}): Step<null> => ({
  name,
  title: `Doing ${name}`,
  apply: async () => {
    run.said.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    run.said.push(`${name} ends`);
    return { changed: false };
  },
  undo: async () => void run.said.push(`${name} undone`),
  ...more,
});
const start = (steps: Step<null>[], run: Run, keep = false) =>
  runSteps(steps, null, {
    push: (event) => run.events.push(event),
    interrupted: run.interrupt.signal,
    stop: (reason) => run.stopped.abort(reason),
    keep,
    remains: () => run.said.push('remains'),
  });
const failing = (name: string, run: Run, error: unknown): Step<null> =>
  step(name, run, {
    apply: async () => {
      run.said.push(`${name} begins`);
      throw error;
    },
  });

test('steps run one after the other unless they say what they need', async () => {
  const run = newRun();
  await start([step('a', run), step('b', run), step('c', run, { needs: ['a'] })], run);
  assert.deepEqual(run.said, ['a begins', 'a ends', 'b begins', 'c begins', 'b ends', 'c ends']);
});

test('a need may stand later in the list, and one that is not wanted is not waited for', async () => {
  const run = newRun();
  await start(
    [step('last', run, { needs: ['first', 'never'] }), step('first', run, { needs: [] }), step('never', run, { wanted: () => false })],
    run,
  );
  assert.deepEqual(run.said, ['first begins', 'first ends', 'last begins', 'last ends']);
});

test('anything that changed makes the whole changed', async () => {
  const run = newRun();
  assert.deepEqual(await start([step('a', run)], run), { changed: false });
  assert.deepEqual(await start([step('a', run), step('b', run, { apply: async () => ({ changed: true }) })], run), { changed: true });
});

test('after a failure nothing new begins, what runs is told to stop, and all that began is undone in reverse', async () => {
  const run = newRun();
  const beside = step('beside', run, {
    needs: ['a'],
    apply: () =>
      new Promise((_, reject) => {
        run.said.push('beside begins');
        run.stopped.signal.addEventListener('abort', () => reject(new DOMException('This operation was aborted', 'AbortError')));
      }),
  });
  const late = failing('b', run, new Error('no disk'));
  await assert.rejects(start([step('a', run), beside, { ...late, needs: ['a'] }, step('c', run)], run), /no disk/);
  assert.deepEqual(run.said.slice(-3), ['b undone', 'beside undone', 'a undone']);
  assert.equal(run.said.includes('c begins'), false);
  assert.deepEqual(
    run.events.flatMap((event) => (event.type === 'step-failed' ? [`${event.step}: ${event.reason}`] : [])),
    ['b: no disk', 'beside: stopped, as another step has failed'],
  );
});

test('the error names the step, the reason and the log; codes that speak for themselves are kept', async () => {
  const run = newRun();
  const cause = new SlipwayError('COMMAND_FAILED', { tried: 'run x', cause: 'exit code 1', logLines: ['l'.repeat(1000)] });
  await assert.rejects(start([step('a', run), failing('b', run, cause)], run), (error: SlipwayError) => {
    assert.equal(error.code, 'STEP_FAILED');
    assert.match(error.message, /cannot finish the step "Doing b" \(b\): cannot run x: exit code 1/);
    assert.ok((error.logLines[0]?.length ?? 0) < 400);
    return true;
  });
  assert.deepEqual(run.said.slice(-2), ['b undone', 'a undone']);
  await assert.rejects(start([failing('b', run, new SlipwayError('NOT_ROOT', { tried: 'x' }))], newRun()), { code: 'NOT_ROOT' });
});

test('with keep nothing is undone', async () => {
  const run = newRun();
  await assert.rejects(start([step('a', run), failing('b', run, new Error('x'))], run, true), { code: 'STEP_FAILED' });
  assert.equal(
    run.said.some((line) => line.endsWith('undone')),
    false,
  );
});

test('an undo that fails is told, and does not keep the others from being undone', async () => {
  const run = newRun();
  const stubborn = step('b', run, {
    undo: async () => {
      throw new Error('busy');
    },
  });
  await assert.rejects(start([step('a', run), stubborn, failing('c', run, new Error('x'))], run));
  assert.deepEqual(run.said.slice(-2), ['a undone', 'remains']);
  assert.ok(run.events.some((event) => event.type === 'warning' && event.message.includes('busy')));
});

test('Ctrl-C ends it as INTERRUPTED, with everything undone', async () => {
  const run = newRun();
  const cut = step('b', run, {
    apply: async () => {
      run.interrupt.abort();
      throw new Error('aborted');
    },
  });
  await assert.rejects(start([step('a', run), cut, step('c', run)], run), { code: 'INTERRUPTED' });
  assert.deepEqual(run.said, ['a begins', 'a ends', 'b undone', 'a undone']);
});

test('the end of the time that was given names the steps that were under way', async () => {
  const run = newRun();
  const hanging = (name: string) =>
    step(name, run, {
      needs: ['first'],
      title: `Waiting for ${name}`,
      apply: async () => {
        if (name === 'b') run.interrupt.abort(new DOMException('too late', 'TimeoutError'));
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('aborted');
      },
    });
  await assert.rejects(start([step('first', run), hanging('a'), hanging('b'), step('last', run)], run), (error: SlipwayError) => {
    assert.equal(error.code, 'DEADLINE');
    assert.equal(error.exitCode, 124);
    assert.match(error.message, /"Waiting for a" \(a\) and "Waiting for b" \(b\) were under way; what was made is removed again/);
    return true;
  });
  assert.ok(run.said.includes('first undone'));
});
