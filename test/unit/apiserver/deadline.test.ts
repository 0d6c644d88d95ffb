import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../../src/api/meta/status.ts';
import { deadlineOf, within } from '../../../src/apiserver/http/deadline.ts';

for (const [text, ms] of [
  [null, 60_000],
  ['', 60_000],
  ['0s', 60_000],
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5s', 1500],
  ['0m30s', 30_000],
  ['2h', 60_000],
] as const)
  test(`a timeout of ${JSON.stringify(text)} gives ${ms} ms`, () => assert.equal(deadlineOf(text), ms));

for (const text of ['30', 'x', '-1s', '1s x'])
  test(`${JSON.stringify(text)} is no timeout`, () =>
    assert.throws(() => deadlineOf(text), /invalid timeout specified in the request URL/));

test('work that takes too long is answered with 504', async () => {
  await assert.rejects(
    within(new Promise<never>(() => {}), 5),
    (error: unknown) => error instanceof StatusError && error.code === 504 && error.reason === 'Timeout',
  );
});

test('what comes in time comes through, errors too', async () => {
  assert.equal(await within(Promise.resolve(1), 1000), 1);
  await assert.rejects(within(Promise.reject(new Error('no')), 1000), /no/);
});
