import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { Deployment, ReplicaSet } from '../../../src/api/types/apps-v1.ts';
import type { Node, Pod, Toleration } from '../../../src/api/types/core-v1.ts';
import { nextFailure } from '../../../src/controllers/daemonset/daemonset-decide.ts';
import { decideRollingUpdate, decideScale } from '../../../src/controllers/deployment/deployment-decide.ts';
import { newSetAnnotations, nextRevision } from '../../../src/controllers/deployment/revision.ts';
import { groupEndpoints, planSlices } from '../../../src/controllers/endpointslice/slice-plan.ts';
import { judge } from '../../../src/controllers/garbagecollector/garbagecollector-decide.ts';
import { formatIndexes, judgeFailure, msToRetry, parseIndexes } from '../../../src/controllers/job/job-decide.ts';
import { nextNodeCidr } from '../../../src/controllers/nodeipam/nodeipam-decide.ts';
import { taintsOf } from '../../../src/controllers/nodelifecycle/nodelifecycle-decide.ts';
import { podsToDelete } from '../../../src/controllers/replicaset/replicaset-decide.ts';
import { msToEviction } from '../../../src/controllers/tainteviction/tainteviction-decide.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

const deployment = (replicas: number, maxSurge: number | string, maxUnavailable: number | string): Stored<Deployment> => ({
  metadata: { name: 'web' },
  spec: { replicas, selector: {}, template: {}, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } },
});
const set = (name: string, replicas: number, available = replicas, annotations: Record<string, string> = {}): Stored<ReplicaSet> => ({
  metadata: { name, annotations, creationTimestamp: name },
  spec: { replicas, selector: {} },
  status: { replicas, availableReplicas: available },
});
const sizes = (scalings: readonly { set: Stored<ReplicaSet>; replicas: number }[]): Record<string, number> =>
  Object.fromEntries(scalings.map((scaling) => [scaling.set.metadata.name ?? '', scaling.replicas]));

describe('rolling updates', () => {
  const rows: [string, Stored<Deployment>, Stored<ReplicaSet>, Stored<ReplicaSet>[], Record<string, number>][] = [
    ['the new set grows by the surge', deployment(10, 2, 0), set('2026', 0), [set('2025', 10)], { 2026: 2 }],
    ['nothing shrinks while the new pods are not available', deployment(10, 2, 0), set('2026', 2, 0), [set('2025', 10)], {}],
    ['the old set shrinks by what became available', deployment(10, 2, 0), set('2026', 2), [set('2025', 10)], { 2025: 8 }],
    ['maxUnavailable lets the old shrink first', deployment(10, 0, 2), set('2026', 0), [set('2025', 10)], { 2025: 8 }],
    [
      'pods that are not available go before those that are',
      deployment(10, 0, 2),
      set('2026', 0),
      [set('2024', 4, 2), set('2025', 6)],
      { 2024: 2 },
    ],
    ['percentages: surge up, unavailable down', deployment(3, '25%', '25%'), set('2026', 0), [set('2025', 3)], { 2026: 1 }],
    ['a new set that is too big shrinks', deployment(3, 1, 0), set('2026', 5), [], { 2026: 3 }],
    ['both zero moves all the same', deployment(3, 0, 0), set('2026', 0), [set('2025', 3)], { 2025: 2 }],
    ['done is done', deployment(3, 1, 0), set('2026', 3), [set('2025', 0)], {}],
  ];
  for (const [name, owner, newSet, oldSets, expected] of rows)
    test(name, () => assert.deepEqual(sizes(decideRollingUpdate(owner, newSet, oldSets)), expected));
});

describe('scaling in the middle of a rollout', () => {
  const marked = (name: string, replicas: number): Stored<ReplicaSet> =>
    set(name, replicas, replicas, { 'deployment.kubernetes.io/desired-replicas': '10', 'deployment.kubernetes.io/max-replicas': '13' });
  test('each set gets its share', () => {
    assert.deepEqual(sizes(decideScale(deployment(15, 3, 0), marked('2026', 5), [marked('2025', 8)])), { 2025: 11, 2026: 7 });
  });
  test('a single set takes all', () =>
    assert.deepEqual(sizes(decideScale(deployment(5, 1, 0), set('2026', 2), [set('2025', 0)])), { 2026: 5 }));
});

test('revisions are counted in whole numbers of 64 bits', () => {
  const numbered = (revision: string): Stored<ReplicaSet> => set('2025', 1, 1, { 'deployment.kubernetes.io/revision': revision });
  assert.equal(nextRevision([numbered('3546343826724305832'), numbered('7')]), 3546343826724305833n);
  assert.equal(nextRevision([numbered('nonsense'), numbered('9999999999999999999')]), 1n);
});

test('a template that comes back gets a new revision and keeps its history', () => {
  const annotations = newSetAnnotations(
    { metadata: { annotations: { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } } },
    { metadata: { annotations: { 'deployment.kubernetes.io/revision': '1' } } },
    3n,
  );
  assert.deepEqual(annotations, { note: 'x', 'deployment.kubernetes.io/revision': '3', 'deployment.kubernetes.io/revision-history': '1' });
});

test('pods go in the order in which they are missed least', () => {
  const pod = (
    name: string,
    ready: boolean,
    options: { node?: string; phase?: string; cost?: string; readyFor?: number } = {},
  ): Stored<Pod> => ({
    metadata: {
      name,
      uid: name,
      creationTimestamp: ago(10_000),
      ...(options.cost ? { annotations: { 'controller.kubernetes.io/pod-deletion-cost': options.cost } } : {}),
    },
    spec: { containers: [], ...(options.node === '' ? {} : { nodeName: options.node ?? 'n1' }) },
    status: {
      phase: options.phase ?? 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: ago(options.readyFor ?? 5000) }],
    },
  });
  const all = [
    pod('old', true),
    pod('young', true, { readyFor: 3 }),
    pod('cheap', true, { cost: '-5' }),
    pod('crowded', true, { node: 'n2' }),
    pod('unready', false),
    pod('pending', false, { phase: 'Pending' }),
    pod('nowhere', false, { node: '', phase: 'Pending' }),
  ];
  const related = [...all, pod('x', true, { node: 'n2' }), ...['1', '2', '3', '4'].map((name) => pod(name, true, { node: 'n2' }))];
  assert.deepEqual(
    podsToDelete(all, related, NOW).map(({ metadata }) => metadata.name),
    ['nowhere', 'pending', 'unready', 'cheap', 'crowded', 'young', 'old'],
  );
});

describe('eviction by taints', () => {
  const taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: ago(10) };
  const toleration = (extra: Partial<Toleration>): Toleration => ({ key: taint.key, operator: 'Exists', effect: 'NoExecute', ...extra });
  const rows: [string, Toleration[], number | undefined][] = [
    ['not tolerated: at once', [], 0],
    ['tolerated for ever', [toleration({})], undefined],
    ['tolerated for 30 s, of which 10 are over', [toleration({ tolerationSeconds: 30 })], 20_000],
    ['time is over', [toleration({ tolerationSeconds: 5 })], 0],
    ['the shortest counts', [toleration({ tolerationSeconds: 60 }), toleration({ tolerationSeconds: 15 })], 5000],
    ['everything tolerated', [{ operator: 'Exists' }], undefined],
    ['another effect', [toleration({ effect: 'NoSchedule' })], 0],
  ];
  for (const [name, tolerations, expected] of rows) test(name, () => assert.equal(msToEviction([taint], tolerations, NOW), expected));
});

describe('taints of nodes', () => {
  const node = (ready: string | undefined, taints: NonNullable<NonNullable<Node['spec']>['taints']> = []): Node => ({
    spec: { taints },
    status: { conditions: ready ? [{ type: 'Ready', status: ready }] : [] },
  });
  const brief = (of: Node, evict = true): string[] =>
    taintsOf(of, { evict, now: NOW }).map(({ key, effect }) => `${key.split('/').at(-1)}:${effect}`);
  test('silent', () => assert.deepEqual(brief(node('Unknown')), ['unreachable:NoSchedule', 'unreachable:NoExecute']));
  test('not ready', () => assert.deepEqual(brief(node('False')), ['not-ready:NoSchedule', 'not-ready:NoExecute']));
  test('nothing evicts while all look dead', () => assert.deepEqual(brief(node('Unknown'), false), ['unreachable:NoSchedule']));
  test('ready again: ours go, those of others stay', () =>
    assert.deepEqual(
      brief(
        node('True', [
          { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
          { key: 'mine/x', effect: 'NoExecute' },
        ]),
      ),
      ['x:NoExecute'],
    ));
  test('a node that has not said anything is left alone', () => assert.deepEqual(brief(node(undefined)), []));
});

test('failed daemons are replaced at once, then ever later', () => {
  const first = nextFailure(undefined, NOW);
  assert.equal(first.waitMs, 0);
  assert.equal(nextFailure(first.next, NOW + 400).waitMs, 600);
  const second = nextFailure(first.next, NOW + 1_000);
  assert.deepEqual([second.waitMs, second.next.delayMs], [0, 2_000]);
  assert.equal(nextFailure({ delayMs: 900_000, until: NOW }, NOW).next.delayMs, 900_000);
  assert.equal(nextFailure({ delayMs: 900_000, until: NOW - 7_200_000 }, NOW).next.delayMs, 1_000);
});

describe('garbage', () => {
  const reference = { apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'u' };
  const object = { metadata: {} };
  const owner = (state: 'solid' | 'absent' | 'waiting' | 'unknown') => ({ reference, state });
  test('an owner that lives keeps', () => assert.equal(judge(object, [owner('solid')], false).kind, 'keep'));
  test('one that is gone beside one that lives is taken off', () =>
    assert.equal(judge(object, [owner('solid'), owner('absent')], false).kind, 'release'));
  test('all gone: deleted', () => assert.deepEqual(judge(object, [owner('absent')], false), { kind: 'delete', policy: 'Background' }));
  test('an owner that waits passes its way on', () =>
    assert.deepEqual(judge(object, [owner('waiting')], true), { kind: 'delete', policy: 'Foreground' }));
  test('what cannot be known is kept', () => assert.equal(judge(object, [owner('absent'), owner('unknown')], false).kind, 'keep'));
});

describe('jobs', () => {
  test('indexes are written as ranges and read back', () => {
    assert.equal(formatIndexes([5, 1, 0, 3, 4, 8, 7]), '0,1,3-5,7,8');
    assert.deepEqual(parseIndexes('0,1,3-5,7,8'), [0, 1, 3, 4, 5, 7, 8]);
  });
  test('retries wait longer and longer, to ten minutes', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 20].map((failures) => msToRetry(failures, NOW, NOW)),
      [0, 10_000, 20_000, 40_000, 600_000],
    );
  });
  test('the first rule of a failure policy that matches decides', () => {
    const onExitCodes = { operator: 'In', values: [42] };
    const rules = [
      { action: 'FailJob', onExitCodes },
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    ];
    const job = { spec: { template: {}, podFailurePolicy: { rules } } };
    const pod = (exitCode: number, conditions: { type: string; status: string }[] = []): Stored<Pod> => ({
      metadata: { name: 'p', namespace: 'n' },
      status: {
        conditions,
        containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode } } }],
      },
    });
    assert.deepEqual(judgeFailure(job, pod(42)), {
      kind: 'fail-job',
      message: 'Container c for pod n/p failed with exit code 42 matching FailJob rule at index 0',
    });
    assert.equal(judgeFailure(job, pod(1, [{ type: 'DisruptionTarget', status: 'True' }])).kind, 'ignore');
    assert.equal(judgeFailure(job, pod(1)).kind, 'count');
  });
});

test('nodes get the first free range', () => {
  assert.equal(nextNodeCidr('10.244.0.0/16', 24, new Set()), '10.244.0.0/24');
  assert.equal(nextNodeCidr('10.244.0.0/16', 24, new Set(['10.244.0.0/24', '10.244.2.0/24'])), '10.244.1.0/24');
  assert.equal(nextNodeCidr('10.244.0.0/23', 24, new Set(['10.244.0.0/24', '10.244.1.0/24'])), undefined);
});

describe('slices', () => {
  const endpoint = (name: number) => ({ addresses: [`10.0.0.${name}`], conditions: { ready: true }, targetRef: { uid: String(name) } });
  const group = (count: number) =>
    groupEndpoints(
      'IPv4',
      Array.from({ length: count }, (_, index) => ({ ports: [{ port: 80 }], endpoint: endpoint(index) })),
    );
  const meta = { labels: { a: 'b' } };
  test('at most a hundred in each', () => {
    const plan = planSlices(group(250), [], meta);
    assert.deepEqual(
      plan.create.map(({ endpoints }) => endpoints?.length),
      [100, 100, 50],
    );
  });
  test('one that goes changes its own slice only, and an emptied one is deleted', () => {
    const existing = planSlices(group(150), [], meta).create.map((slice, index) => ({
      ...slice,
      metadata: { name: `s${index}`, labels: meta.labels },
    }));
    const plan = planSlices(group(149), existing, meta);
    assert.deepEqual([plan.create.length, plan.update.map(({ metadata }) => metadata.name), plan.delete.length], [0, ['s1'], 0]);
    const fewer = planSlices(group(100), existing, meta);
    assert.deepEqual([fewer.create.length, fewer.update.length, fewer.delete.map(({ metadata }) => metadata.name)], [0, 0, ['s1']]);
  });
  test('none at all is one empty slice', () =>
    assert.deepEqual(
      planSlices(group(0), [], meta).create.map(({ endpoints }) => endpoints),
      [[]],
    ));
});
