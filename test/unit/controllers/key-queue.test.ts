import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Expectations } from '../../../src/controllers/expectations.ts';
import { KeyQueue } from '../../../src/controllers/key-queue.ts';

test('a key is queued once, and again after its worker when it came meanwhile', async () => {
  const queue = new KeyQueue();
  queue.add('a');
  queue.add('a');
  queue.add('b');
  assert.equal(await queue.take(), 'a');
  queue.add('a');
  assert.equal(await queue.take(), 'b');
  assert.equal(queue.length, 0, 'no two workers have one key');
  queue.done('a');
  assert.equal(await queue.take(), 'a');
  queue.close();
  assert.equal(await queue.take(), undefined);
});

test('a waiting worker gets the next key, and an end when the queue closes', async () => {
  const queue = new KeyQueue();
  const first = queue.take();
  const second = queue.take();
  queue.add('a');
  assert.equal(await first, 'a');
  queue.close();
  assert.equal(await second, undefined);
});

test('the earliest of several delays wins', async () => {
  const queue = new KeyQueue();
  queue.addAfter('a', 100_000);
  queue.addAfter('a', 5);
  assert.equal(await queue.take(), 'a');
  queue.close();
});

test('failures are counted until the key is well', () => {
  const queue = new KeyQueue({ firstRetryMs: 100_000 });
  queue.addAfterFailure('a');
  queue.addAfterFailure('a');
  assert.equal(queue.failuresOf('a'), 2);
  queue.forget('a');
  assert.equal(queue.failuresOf('a'), 0);
  queue.close();
});

test('expectations hold until all is seen, and are given up after five minutes', () => {
  let now = 0;
  const expectations = new Expectations(() => now);
  expectations.expect('set', '+a');
  expectations.expect('set', '+b');
  expectations.settle('set', '+a');
  assert.equal(expectations.fulfilled('set'), false);
  expectations.settle('set', '+b');
  assert.equal(expectations.fulfilled('set'), true);
  expectations.expect('set', '+c');
  now = 300_001;
  assert.equal(expectations.fulfilled('set'), true);
});
