import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartTurns } from '../../../src/agent/pods/start-turns.ts';
import { until } from '../../support/until.ts';

test('so many have a turn at once, the others follow in their order', async () => {
  const turns = new StartTurns({ most: 2 });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  for (let pod = 0; pod < 5; pod += 1)
    void turns.take().then((turn) => {
      begun.push(pod);
      ends[pod] = turn.end;
    });
  await until(() => begun.length === 2);
  ends[1]?.();
  // Only once.
  ends[1]?.();
  await until(() => begun.length === 3);
  ends[0]?.();
  ends[2]?.();
  await until(() => begun.length === 5);
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
  ends[3]?.();
  ends[4]?.();
  const [first, second] = await Promise.all([turns.take(), turns.take()]);
  first.end();
  second.end();
});

test('who does not end his turn loses it', async () => {
  const turns = new StartTurns({ most: 1, longestMs: 20 });
  const late = await turns.take();
  const began = performance.now();
  const next = await turns.take();
  assert.ok(performance.now() - began >= 15);
  let isThird = false;
  void turns.take().then(() => {
    isThird = true;
  });
  // Ended already: this must not let a second one in.
  late.end();
  await new Promise(setImmediate);
  assert.equal(isThird, false);
  next.end();
  await until(() => isThird);
});
