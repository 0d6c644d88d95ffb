import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Heap } from '../../../src/scheduler/heap.ts';
import { PLUGINS } from '../../../src/scheduler/plugins/index.ts';
import { type QueuedPod, SchedulingQueue } from '../../../src/scheduler/scheduling-queue.ts';
import { makePod, TestWorld } from './world.ts';

const makeQueue = () => {
  const clock = { now: 1_000_000 };
  const queue = new SchedulingQueue({ now: () => clock.now, plugins: PLUGINS });
  const pop = (): string | undefined => queue.pop()?.info.pod.metadata.name;
  return { clock, queue, pop };
};
const world = new TestWorld({ a: { cpu: '4' }, small: { cpu: '1' } });
const nodeAdded = (name: string) => ({
  kind: 'node-added' as const,
  node: world.state.node(name) as NonNullable<ReturnType<typeof world.state.node>>,
});

describe('the scheduling queue', () => {
  test('gives the most important first, then who waits longest', () => {
    const { clock, queue, pop } = makeQueue();
    for (const [name, priority] of [
      ['first', 0],
      ['second', 0],
      ['urgent', 100],
    ] as const) {
      queue.set(makePod(name, { spec: { priority, containers: [] } }));
      clock.now += 1;
    }
    assert.deepEqual([pop(), pop(), pop(), pop()], ['urgent', 'first', 'second', undefined]);
  });

  test('a pod that was refused comes back only for an event that may help, after its back-off', () => {
    const { clock, queue, pop } = makeQueue();
    queue.set(makePod('big', { cpu: '2' }));
    queue.park(queue.pop() as QueuedPod, new Set(['NodeResourcesFit']));
    assert.equal(queue.onEvent({ kind: 'storage-changed' }), 0);
    assert.equal(queue.onEvent(nodeAdded('small')), 0, 'too small for it');
    assert.equal(queue.onEvent(nodeAdded('a')), 1);
    assert.equal(pop(), undefined);
    assert.equal(queue.advance(), 1_000);
    clock.now += 1_000;
    queue.advance();
    assert.equal(pop(), 'big');
  });

  test('back-off doubles up to ten seconds', () => {
    const { clock, queue } = makeQueue();
    queue.set(makePod('p'));
    const waits: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      queue.retry(queue.pop() as QueuedPod);
      const wait = queue.advance();
      waits.push(wait);
      clock.now += wait ?? 0;
      queue.advance();
    }
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  test('an event that came while a pod was being tried is not lost', () => {
    const { clock, queue, pop } = makeQueue();
    queue.set(makePod('p'));
    const entry = queue.pop() as QueuedPod;
    queue.onEvent(nodeAdded('a'));
    queue.park(entry, new Set(['NodeResourcesFit']));
    clock.now += 1_000;
    queue.advance();
    assert.equal(pop(), 'p');
  });

  test('after five minutes a pod is tried again in any case', () => {
    const { clock, queue, pop } = makeQueue();
    queue.set(makePod('p'));
    queue.park(queue.pop() as QueuedPod, new Set(['NodeAffinity']));
    assert.equal(queue.advance(), 300_000);
    clock.now += 300_000;
    queue.advance();
    assert.equal(pop(), 'p');
  });

  test('gated pods wait for their gates, deleted ones never come', () => {
    const { queue, pop } = makeQueue();
    queue.set(makePod('gated', { spec: { schedulingGates: [{ name: 'g' }], containers: [] } }));
    queue.set(makePod('deleted'));
    queue.delete('uid-deleted');
    assert.equal(pop(), undefined);
    queue.set(makePod('gated', { spec: { containers: [] } }));
    assert.equal(pop(), 'gated');
  });

  test('a change of its own spec gives a pod another try, a change of its status does not', () => {
    const { clock, queue, pop } = makeQueue();
    queue.set(makePod('p'));
    queue.park(queue.pop() as QueuedPod, new Set(['NodeAffinity']));
    clock.now += 10_000;
    queue.set(makePod('p', { status: { phase: 'Pending' } }));
    assert.equal(pop(), undefined);
    queue.set(makePod('p', { labels: { a: 'b' } }));
    assert.equal(pop(), 'p');
  });
});

test('a heap gives the least first', () => {
  const heap = new Heap<number>((a, b) => a < b);
  const numbers = Array.from({ length: 500 }, (_, index) => (index * 7919) % 1009);
  for (const number of numbers) heap.push(number);
  const out = Array.from({ length: 500 }, () => heap.pop());
  assert.deepEqual(
    out,
    numbers.toSorted((a, b) => a - b),
  );
  assert.equal(heap.pop(), undefined);
});
