import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowControl } from '../../../src/apiserver/http/flow-control.ts';

const user = { name: 'u', groups: ['system:authenticated'] };
const LIMITS = { reads: 1, writes: 1, queue: 1, waitMs: 60_000 };

test('who finds no place waits, then gets the one that was left', async () => {
  const flow = new FlowControl(LIMITS);
  const leave = flow.enter(user, false) as () => void;
  const second = flow.enter(user, false) as Promise<() => void>;
  leave();
  const leaveSecond = await second;
  assert.equal(flow.underWay.read, 1);
  leaveSecond();
  assert.equal(flow.underWay.read, 0);
});

test('a full queue answers 429 with Retry-After', async () => {
  const flow = new FlowControl({ ...LIMITS, waitMs: 50 });
  flow.enter(user, true);
  const waiting = flow.enter(user, true) as Promise<unknown>;
  assert.throws(
    () => flow.enter(user, true),
    (error: any) => error.code === 429 && error.status.details.retryAfterSeconds === 1,
  );
  flow.enter(user, false);
  await assert.rejects(waiting);
});

test('who waits too long gets 429', async () => {
  const flow = new FlowControl({ ...LIMITS, waitMs: 5 });
  flow.enter(user, false);
  await assert.rejects(flow.enter(user, false) as Promise<unknown>, (error: any) => error.code === 429);
});

test('administrators and nodes have a lane of their own', () => {
  const flow = new FlowControl(LIMITS);
  flow.enter(user, false);
  for (const group of ['system:masters', 'system:nodes']) assert.equal(flow.enter({ name: 'x', groups: [group] }, false), undefined);
});
