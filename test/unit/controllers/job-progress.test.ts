import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { Job } from '../../../src/api/types/batch-v1.ts';
import type { Pod } from '../../../src/api/types/core-v1.ts';
import { countsAfter, matchSuccessPolicy } from '../../../src/controllers/job/job-indexes.ts';
import { endingOf, progressOf, TRACKING_FINALIZER } from '../../../src/controllers/job/job-progress.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const indexed = (spec: Partial<NonNullable<Job['spec']>>): Stored<Job> => ({
  metadata: { name: 'j', namespace: 'n' },
  spec: { template: {}, completionMode: 'Indexed', completions: 4, parallelism: 2, backoffLimit: 2147483647, ...spec },
});
const pod = (name: string, index: number, phase: string, failures = 0): Stored<Pod> => ({
  metadata: {
    name,
    uid: name,
    namespace: 'n',
    finalizers: [TRACKING_FINALIZER],
    annotations: {
      'batch.kubernetes.io/job-completion-index': String(index),
      'batch.kubernetes.io/job-index-failure-count': String(failures),
    },
  },
  spec: { containers: [] },
  status: { phase },
});

describe('a limit for each index', () => {
  const job = indexed({ backoffLimitPerIndex: 1 });

  test('a failed pod is kept until the next one carries its count', () => {
    const first = pod('a', 0, 'Failed');
    const alone = progressOf(job, [first], { now: NOW });
    assert.deepEqual([alone.newFailed, alone.toRelease, [...alone.failedIndexes]], [[], [], []]);
    assert.deepEqual(countsAfter(job, alone.lastFailed.get(0)), { counted: 1, ignored: 0 });
    const replaced = progressOf(job, [first, pod('b', 0, 'Running', 1)], { now: NOW });
    assert.deepEqual(replaced.newFailed, ['a']);
    assert.deepEqual(progressOf(job, [first], { now: NOW, isEnding: true }).newFailed, ['a']);
  });

  test('an index fails with its last try, and the job when all others are done', () => {
    const progress = progressOf(job, [pod('b', 0, 'Failed', 1)], { now: NOW });
    assert.deepEqual([[...progress.failedIndexes], progress.newFailed], [[0], ['b']]);
    assert.equal(endingOf(job, progress, NOW), undefined);
    const rest = [1, 2, 3].map((index) => pod(`s${index}`, index, 'Succeeded'));
    assert.equal(endingOf(job, progressOf(job, [pod('b', 0, 'Failed', 1), ...rest], { now: NOW }), NOW)?.reason, 'FailedIndexes');
  });

  test('too many failed indexes end the job', () => {
    const strict = indexed({ backoffLimitPerIndex: 0, maxFailedIndexes: 0 });
    const progress = progressOf(strict, [pod('a', 0, 'Failed')], { now: NOW });
    assert.equal(endingOf(strict, progress, NOW)?.reason, 'MaxFailedIndexesExceeded');
  });
});

describe('a success policy', () => {
  const rows: [string, { succeededIndexes?: string; succeededCount?: number }[], number[], string | undefined][] = [
    ['so many of any', [{ succeededCount: 1 }], [2], 'Matched rules at index 0'],
    ['not enough of any', [{ succeededCount: 2 }], [2], undefined],
    ['all of those named', [{ succeededIndexes: '0-1' }], [0, 1], 'Matched rules at index 0'],
    ['not all of those named', [{ succeededIndexes: '0-1' }], [0, 2], undefined],
    ['so many of those named', [{ succeededIndexes: '0-2', succeededCount: 2 }], [0, 2], 'Matched rules at index 0'],
    ['the second rule', [{ succeededCount: 3 }, { succeededIndexes: '2' }], [2], 'Matched rules at index 1'],
    ['nothing yet', [{ succeededCount: 0 }], [], undefined],
  ];
  for (const [name, rules, completed, expected] of rows)
    test(name, () => assert.equal(matchSuccessPolicy(indexed({ successPolicy: { rules } }), new Set(completed)), expected));
});

test('with restarts in place, too many of them end the job', () => {
  const job = indexed({ backoffLimit: 1, template: { spec: { containers: [], restartPolicy: 'OnFailure' } } });
  const running = (restartCount: number): Stored<Pod> => {
    const base = pod('r', 0, 'Running');
    return {
      ...base,
      status: { ...base.status, containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount, state: {} }] },
    };
  };
  assert.equal(endingOf(job, progressOf(job, [running(0)], { now: NOW }), NOW), undefined);
  assert.equal(endingOf(job, progressOf(job, [running(1)], { now: NOW }), NOW)?.reason, 'BackoffLimitExceeded');
});
