import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { LeaseClock } from '../../../src/store/lease-clock.ts';

test('leases end at their time unless renewed, and one that could not be ended is tried again', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const ended: string[] = [];
  const clock = new LeaseClock({ expire: (id) => ended.push(`${id}@${now}`), now: () => now });
  const pass = (milliseconds: number): void => {
    for (let left = milliseconds; left > 0; left -= 100) {
      now += 100;
      mock.timers.tick(100);
    }
  };
  try {
    clock.add(3, 3600);
    clock.add(1, 1);
    clock.add(2, 2);
    pass(900);
    assert.equal(clock.renew(1), true);
    pass(900);
    assert.equal(ended.length, 0);
    pass(400);
    assert.equal(ended.join(' '), '1@1900 2@2000');
    clock.remove(1);
    assert.equal(clock.renew(1), false);
    pass(60_500);
    assert.equal(ended.map((entry) => entry.split('@')[0]).join(' '), '1 2 2', 'asked again after a minute');
  } finally {
    clock.stop();
    mock.timers.reset();
  }
});
