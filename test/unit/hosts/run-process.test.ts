import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProcess } from '../../../src/hosts/local/run-process.ts';

test('a program whose time is over is not waited for, nor is what it has left behind with its output', async () => {
  const startedAt = performance.now();
  const result = await runProcess(['sh', '-c', 'echo begun; sleep 3 & exec sleep 3'], { where: 'here', check: false, timeoutMs: 200 });
  assert.ok(performance.now() - startedAt < 2000);
  assert.deepEqual(result, { exitCode: 137, stdout: 'begun\n', stderr: 'no end after 200 ms' });
});
