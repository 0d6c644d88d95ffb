import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployment } from '../../../src/api/apps/deployment.ts';
import { pod } from '../../../src/api/core/pod.ts';
import { decodeObject } from '../../../src/api/decode.ts';
import type { KubeObject } from '../../../src/api/meta/object.ts';
import { prepareForCreate, prepareForStatusUpdate, prepareForUpdate, validateCreate, validateUpdate } from '../../../src/api/strategy.ts';
import { tableFor } from '../../../src/api/table.ts';
import type { PodSpec } from '../../../src/api/types/core-v1.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');

const aPod = (more: Record<string, unknown> = {}, spec: Record<string, unknown> = {}): KubeObject =>
  decodeObject(pod, {
    metadata: { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { containers: [{ name: 'a', image: 'b' }], serviceAccountName: 'default', ...spec },
    ...more,
  }).object;

test('a create has no status of the client, and generation 1', () => {
  const object = aPod({ status: { phase: 'Running', podIP: '1.2.3.4' } });
  prepareForCreate(pod, object);
  assert.deepEqual(object['status'], { phase: 'Pending', qosClass: 'BestEffort' });
  assert.equal(object.metadata.generation, 1);
});

test('a pod ends in a second where its grace period is negative; a name of its host stands alone', () => {
  assert.equal((aPod({}, { terminationGracePeriodSeconds: -1 })['spec'] as PodSpec).terminationGracePeriodSeconds, 1);
  const problems = (spec: Record<string, unknown>): string[] => validateCreate(pod, aPod({}, spec)).map(({ message }) => message);
  assert.deepEqual(problems({ hostnameOverride: 'db.example' }), []);
  assert.deepEqual(problems({ hostnameOverride: 'db', setHostnameAsFQDN: true }), [
    'Forbidden: may not be specified when setHostnameAsFQDN is true',
  ]);
  assert.deepEqual(problems({ hostnameOverride: 'db', hostNetwork: true }), ['Forbidden: may not be specified when hostNetwork is true']);
  assert.equal(problems({ hostnameOverride: 'x'.repeat(65) }).length, 1);
});

test('an update keeps the status and counts changes of the spec', () => {
  const old = aPod({ status: { phase: 'Running' } });
  old.metadata.generation = 4;
  const same = aPod();
  prepareForUpdate(pod, same, old);
  assert.deepEqual(same['status'], { phase: 'Running' });
  assert.equal(same.metadata.generation, 4);
  const other = aPod({}, { containers: [{ name: 'a', image: 'c' }] });
  prepareForUpdate(pod, other, old);
  assert.equal(other.metadata.generation, 5);
});

test('a status update leaves the spec alone', () => {
  const old = aPod();
  const object = aPod({ status: { phase: 'Running' } }, { nodeName: 'elsewhere' });
  object.metadata.labels = { a: 'b' };
  object.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'A', name: 'b', uid: 'c' }];
  prepareForStatusUpdate(pod, object, old);
  assert.deepEqual(object['spec'], old['spec']);
  assert.deepEqual(object.metadata.labels, { a: 'b' });
  assert.equal(object.metadata.ownerReferences, undefined);
});

const changes = (spec: Record<string, unknown>, before: Record<string, unknown> = {}): string[] =>
  validateUpdate(pod, aPod({}, spec), aPod({}, before)).map(({ field, message }) => `${field}: ${message}`);

test('of a pod only images, deadlines, gates and added tolerations change', () => {
  assert.deepEqual(changes({ containers: [{ name: 'a', image: 'other' }] }), []);
  assert.deepEqual(changes({ tolerations: [{ key: 'a', operator: 'Exists' }] }), []);
  assert.deepEqual(changes({ activeDeadlineSeconds: 5 }, { activeDeadlineSeconds: 9 }), []);
  assert.match(changes({ hostNetwork: true })[0] ?? '', /^spec: Forbidden: pod updates may not change fields other than/);
  assert.match(changes({}, { tolerations: [{ key: 'a', operator: 'Exists' }] }).join(), /existing toleration can not be modified/);
  assert.match(changes({ activeDeadlineSeconds: 9 }, { activeDeadlineSeconds: 5 }).join(), /must be less than or equal to previous value/);
  assert.match(
    changes({
      containers: [
        { name: 'a', image: 'b' },
        { name: 'c', image: 'd' },
      ],
    }).join(),
    /spec.containers: Forbidden: pod updates may not add or remove containers/,
  );
});

const waiting = (reason: string) => ({ state: { waiting: { reason } } });
const status = (name: string, more: Record<string, unknown>) => ({ name, image: 'b', imageID: '', ready: false, restartCount: 0, ...more });

const SHOWN: [what: string, pod: Record<string, unknown>, cells: unknown[]][] = [
  ['one that waits', { status: { phase: 'Pending' } }, ['web', '0/1', 'Pending', '0', '60m']],
  [
    'one that runs',
    { status: { phase: 'Running', containerStatuses: [status('a', { ready: true, state: { running: {} } })] } },
    ['web', '1/1', 'Running', '0', '60m'],
  ],
  [
    'one in a crash loop',
    {
      status: {
        phase: 'Running',
        containerStatuses: [
          status('a', {
            restartCount: 3,
            ...waiting('CrashLoopBackOff'),
            lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:59:30Z' } },
          }),
        ],
      },
    },
    ['web', '0/1', 'CrashLoopBackOff', '3 (30s ago)', '60m'],
  ],
  [
    'one that failed',
    { status: { phase: 'Failed', containerStatuses: [status('a', { state: { terminated: { exitCode: 2 } } })] } },
    ['web', '0/1', 'ExitCode:2', '0', '60m'],
  ],
  [
    'one that ends',
    {
      metadata: { name: 'web', creationTimestamp: '2026-01-01T00:00:00Z', deletionTimestamp: '2026-01-01T00:59:00Z' },
      status: { phase: 'Running' },
    },
    ['web', '0/1', 'Terminating', '0', '60m'],
  ],
  [
    'one whose first steps are under way',
    {
      spec: { containers: [{ name: 'a' }], initContainers: [{ name: 'i' }, { name: 'j' }] },
      status: {
        phase: 'Pending',
        initContainerStatuses: [status('i', { state: { terminated: { exitCode: 0 } } }), status('j', waiting('PodInitializing'))],
      },
    },
    ['web', '0/1', 'Init:1/2', '0', '60m'],
  ],
  [
    'one whose first step fails',
    {
      spec: { containers: [{ name: 'a' }], initContainers: [{ name: 'i' }] },
      status: { phase: 'Pending', initContainerStatuses: [status('i', waiting('CrashLoopBackOff'))] },
    },
    ['web', '0/1', 'Init:CrashLoopBackOff', '0', '60m'],
  ],
  [
    'one with a sidecar',
    {
      spec: { containers: [{ name: 'a' }], initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      status: {
        phase: 'Running',
        initContainerStatuses: [status('s', { ready: true, started: true, state: { running: {} } })],
        containerStatuses: [status('a', { ready: true, state: { running: {} } })],
      },
    },
    ['web', '2/2', 'Running', '0', '60m'],
  ],
];

for (const [what, more, cells] of SHOWN)
  test(`a pod is shown as kubectl shows it: ${what}`, () => {
    const table = tableFor(pod, [aPod(more)], { now: NOW });
    assert.deepEqual(table.rows[0]?.cells.slice(0, cells.length), cells);
  });

test("a deployment's row", () => {
  const object = decodeObject(deployment, {
    metadata: { name: 'web', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'b' }] } },
    },
    status: { readyReplicas: 1, updatedReplicas: 2, availableReplicas: 1 },
  }).object;
  const table = tableFor(deployment, [object], { now: NOW, includeObject: 'None' });
  assert.deepEqual(table.rows[0], { cells: ['web', '1/3', 2, 1, '60m', 'a', 'b', 'app=web'], object: null });
});
