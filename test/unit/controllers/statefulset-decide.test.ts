import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { StatefulSet } from '../../../src/api/types/apps-v1.ts';
import type { Pod } from '../../../src/api/types/core-v1.ts';
import { decideStateful } from '../../../src/controllers/statefulset/statefulset-decide.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const long = new Date(NOW - 3_600_000).toISOString();
const set = (replicas: number, podManagementPolicy = 'OrderedReady'): Stored<StatefulSet> => ({
  metadata: { name: 'db' },
  spec: { replicas, podManagementPolicy, selector: {}, template: {}, serviceName: 'db' },
});
type State = 'up' | 'down' | 'ending';
const pod = (ordinal: number, state: State): Stored<Pod> => ({
  metadata: {
    name: `db-${ordinal}`,
    labels: { 'controller-revision-hash': 'a' },
    ...(state === 'ending' ? { deletionTimestamp: long } : {}),
  },
  spec: { containers: [] },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: state === 'down' ? 'False' : 'True', lastTransitionTime: long }],
  },
});

describe('scaling a set down', () => {
  const rows: [string, Stored<StatefulSet>, State[], string[]][] = [
    ['the highest goes first', set(1), ['up', 'up', 'up'], ['db-2']],
    ['one at a time', set(1), ['up', 'up', 'ending'], []],
    ['it halts while a pod that stays is ill', set(1), ['down', 'up', 'up'], []],
    ['it halts while several of those that go are ill', set(0), ['down', 'down', 'down'], []],
    ['the only ill one goes, also when it is the next', set(1), ['up', 'up', 'down'], ['db-2']],
    ['a well one goes before an ill one below it', set(1), ['up', 'down', 'up'], ['db-2']],
    ['in parallel all go at once', set(0, 'Parallel'), ['down', 'up', 'down'], ['db-2', 'db-1', 'db-0']],
  ];
  for (const [name, owner, states, expected] of rows)
    test(name, () => {
      const steps = decideStateful({
        set: owner,
        pods: states.map((s, i) => pod(i, s)),
        currentRevision: 'a',
        updateRevision: 'a',
        now: NOW,
      });
      assert.deepEqual(
        steps.map((step) => (step.kind === 'delete' ? step.pod.metadata.name : `create ${step.ordinal}`)),
        expected,
      );
    });
});
