import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterOwnTime } from '../../../src/agent/pods/probe-run.ts';

test('a time in which the process had no turn does not count against a container', async () => {
  let isOver = false;
  const stop = afterOwnTime(200, () => {
    isOver = true;
  });
  const until = performance.now() + 300;
  while (performance.now() < until); // The process is held up for longer than the timeout.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.equal(isOver, false);
  stop();
  await new Promise<void>((resolve) => afterOwnTime(20, resolve));
  assert.equal(isOver, false);
});
