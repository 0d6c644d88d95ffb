import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerHash } from '../../../src/agent/pods/labels.ts';
import { decidePod, type PodDecision } from '../../../src/agent/pods/pod-decide.ts';
import { podStatus } from '../../../src/agent/pods/pod-status.ts';
import type { RuntimeContainer, RuntimePod } from '../../../src/agent/pods/runtime-state.ts';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { Container, Pod, PodSpec, PodStatus } from '../../../src/api/types/core-v1.ts';

const container = (name: string, more: Partial<Container> = {}): Container => ({ name, image: 'img:1', ...more });
const makePod = (spec: Partial<PodSpec>): Stored<Pod> => ({
  metadata: { name: 'p', namespace: 'default', uid: 'u', generation: 1 },
  spec: { containers: [container('c')], ...spec },
});
let clock = 0;
const made = (name: string, state: RuntimeContainer['state'], more: Partial<RuntimeContainer> = {}): RuntimeContainer => ({
  id: `${name}-${++clock}`,
  name,
  sandboxId: 's1',
  state,
  createdAt: ++clock,
  startedAt: clock,
  finishedAt: state === 'exited' ? clock : 0,
  exitCode: 0,
  reason: '',
  message: '',
  image: 'img:1',
  imageRef: 'sha256:1',
  restartCount: 0,
  hash: containerHash({ name, image: 'img:1' }),
  logPath: '',
  annotations: {},
  mounts: [],
  ...more,
});
const world = (containers: RuntimeContainer[], sandbox: 'ready' | 'dead' | 'none' = 'ready'): RuntimePod => ({
  uid: 'u',
  name: 'p',
  namespace: 'default',
  sandboxes:
    sandbox === 'none' ? [] : [{ id: 's1', ready: sandbox === 'ready', attempt: 0, createdAt: 1, ips: ['10.0.0.1'], hostNetwork: false }],
  containers: containers.toSorted((a, b) => b.createdAt - a.createdAt),
});
const decide = (spec: Partial<PodSpec>, state: RuntimePod, started = true): PodDecision =>
  decidePod({ pod: makePod(spec), state, unhealthy: new Map(), isStarted: () => started });
const shape = ({ sandbox, kill, start, isFinished }: PodDecision) => ({
  sandbox: sandbox?.attempt,
  kill: kill.map(({ container: { name }, reason }) => `${name}:${reason}`),
  start: start.map(({ container: { name } }) => name),
  isFinished,
});
const exited = (name: string, exitCode: number, more: Partial<RuntimeContainer> = {}) => made(name, 'exited', { exitCode, ...more });
const sidecar = container('side', { restartPolicy: 'Always' });

const cases: [name: string, spec: Partial<PodSpec>, state: RuntimePod, wanted: Partial<ReturnType<typeof shape>>][] = [
  ['nothing there: a sandbox', {}, world([], 'none'), { sandbox: 0, start: [] }],
  ['a sandbox and no container: start it', {}, world([]), { sandbox: undefined, start: ['c'] }],
  ['all runs: nothing to do', {}, world([made('c', 'running')]), { start: [], kill: [], isFinished: false }],
  ['ended with success under Always: again', {}, world([exited('c', 0)]), { start: ['c'] }],
  ['ended with success under OnFailure: over', { restartPolicy: 'OnFailure' }, world([exited('c', 0)]), { start: [], isFinished: true }],
  ['failed under OnFailure: again', { restartPolicy: 'OnFailure' }, world([exited('c', 1)]), { start: ['c'], isFinished: false }],
  ['failed under Never: over', { restartPolicy: 'Never' }, world([exited('c', 1)]), { start: [], isFinished: true }],
  ['the power went off: a new sandbox', {}, world([exited('c', 255)], 'dead'), { sandbox: 1 }],
  ['the power went off under Never: over', { restartPolicy: 'Never' }, world([exited('c', 255)], 'dead'), { isFinished: true }],
  ['the sandbox died before anything ran', { restartPolicy: 'Never' }, world([], 'dead'), { sandbox: 1 }],
  [
    'another image: kill and start',
    { containers: [container('c', { image: 'img:2' })] },
    world([made('c', 'running')]),
    { kill: ['c:Changed'], start: ['c'] },
  ],
  ['init first', { initContainers: [container('i')] }, world([]), { start: ['i'] }],
  ['init runs: wait', { initContainers: [container('i')] }, world([made('i', 'running')]), { start: [] }],
  ['init done: main', { initContainers: [container('i')] }, world([exited('i', 0)]), { start: ['c'] }],
  [
    'init failed under Never: over',
    { initContainers: [container('i')], restartPolicy: 'Never' },
    world([exited('i', 1)]),
    { start: [], isFinished: true },
  ],
  ['init failed: again', { initContainers: [container('i')] }, world([exited('i', 1)]), { start: ['i'] }],
  [
    'init of an older sandbox does not count',
    { initContainers: [container('i')] },
    world([exited('i', 0, { sandboxId: 's0' })]),
    { start: ['i'] },
  ],
  ['a sidecar, then main', { initContainers: [sidecar] }, world([made('side', 'running')]), { start: ['c'] }],
  [
    'a sidecar that ended, beside main',
    { initContainers: [sidecar] },
    world([made('c', 'running'), exited('side', 0)]),
    { start: ['side'] },
  ],
  [
    'main is over: the sidecar goes',
    { initContainers: [sidecar], restartPolicy: 'Never' },
    world([made('side', 'running'), exited('c', 0)]),
    { kill: ['side:Finished'], isFinished: true },
  ],
  [
    'an ephemeral container starts once',
    { ephemeralContainers: [{ name: 'e', image: 'img:1' }] },
    world([made('c', 'running')]),
    { start: ['e'] },
  ],
  ['and not again', { ephemeralContainers: [{ name: 'e', image: 'img:1' }] }, world([made('c', 'running'), exited('e', 1)]), { start: [] }],
  [
    'a rule of the container restarts it under Never',
    {
      restartPolicy: 'Never',
      containers: [container('c', { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] })],
    },
    world([exited('c', 42)]),
    { start: ['c'], isFinished: false },
  ],
];
for (const [name, spec, state, wanted] of cases)
  test(`decides: ${name}`, () => {
    const actual = shape(decide(spec, state));
    for (const [key, value] of Object.entries(wanted)) assert.deepEqual(actual[key as keyof typeof actual], value, key);
  });

test('main waits for a sidecar that has not started yet', () => {
  assert.deepEqual(decide({ initContainers: [sidecar] }, world([made('side', 'running')]), false).start, []);
});

test('a container whose probe failed is killed, and started again where policy says so', () => {
  const running = made('c', 'running');
  const decision = decidePod({
    pod: makePod({}),
    state: world([running]),
    unhealthy: new Map([[running.id, 'liveness']]),
    isStarted: () => true,
  });
  assert.deepEqual(shape(decision), { sandbox: undefined, kill: ['c:Unhealthy'], start: ['c'], isFinished: false });
});

const status = (
  spec: Partial<PodSpec>,
  state: RuntimePod,
  more: { old?: PodStatus; waiting?: [string, string][]; ready?: boolean; isTerminal?: boolean } = {},
): PodStatus =>
  podStatus({
    pod: makePod(spec),
    state,
    old: more.old ?? {},
    waiting: new Map((more.waiting ?? []).map(([name, reason]) => [name, { reason, message: 'because' }])),
    probes: { isReady: () => more.ready ?? true, isStarted: () => true },
    qosClass: 'BestEffort',
    hostIPs: ['192.0.2.1'],
    runtimeName: 'containerd',
    isTerminal: more.isTerminal ?? false,
    now: '2026-01-01T00:00:00Z',
  });
const condition = (of: PodStatus, type: string) => of.conditions?.find((one) => one.type === type);

test('a new pod is Pending and says ContainerCreating, or PodInitializing', () => {
  const fresh = status({}, world([], 'none'));
  assert.equal(fresh.phase, 'Pending');
  assert.equal(fresh.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating');
  assert.equal(condition(fresh, 'PodReadyToStartContainers')?.status, 'False');
  const initialising = status({ initContainers: [container('i')] }, world([]));
  assert.equal(initialising.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
  assert.equal(condition(initialising, 'Initialized')?.message, 'containers with incomplete status: [i]');
});

test('a running pod is ready when its probes say so', () => {
  const ready = status({}, world([made('c', 'running')]));
  assert.equal(ready.phase, 'Running');
  assert.equal(ready.podIP, '10.0.0.1');
  assert.equal(condition(ready, 'Ready')?.status, 'True');
  const unready = status({}, world([made('c', 'running')]), { ready: false });
  assert.equal(condition(unready, 'Ready')?.status, 'False');
  assert.equal(condition(unready, 'Ready')?.message, 'containers with unready status: [c]');
});

test('a crashed container waits, and what it was is its last state', () => {
  const crashed = status({}, world([exited('c', 3, { restartCount: 4 })]), { waiting: [['c', 'CrashLoopBackOff']] });
  const [only] = crashed.containerStatuses ?? [];
  assert.equal(crashed.phase, 'Running');
  assert.equal(only?.state?.waiting?.reason, 'CrashLoopBackOff');
  assert.equal(only?.lastState?.terminated?.exitCode, 3);
  assert.equal(only?.restartCount, 4);
});

test('all containers at their end: Succeeded, or Failed when one of them failed', () => {
  assert.equal(status({ restartPolicy: 'Never' }, world([exited('c', 0)])).phase, 'Succeeded');
  assert.equal(status({ restartPolicy: 'Never' }, world([exited('c', 1)])).phase, 'Failed');
  assert.equal(status({}, world([exited('c', 0)])).phase, 'Running');
  assert.equal(status({}, world([exited('c', 0)]), { isTerminal: true }).phase, 'Succeeded');
});

test('a phase that is final stays, and an unchanged condition keeps its time', () => {
  const old: PodStatus = {
    phase: 'Failed',
    reason: 'Evicted',
    conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z' }],
  };
  const next = status({}, world([made('c', 'running')]), { old });
  assert.equal(next.phase, 'Failed');
  assert.equal(next.reason, 'Evicted');
  assert.equal(condition(next, 'PodScheduled')?.lastTransitionTime, '2020-01-01T00:00:00Z');
  assert.equal(condition(next, 'Ready')?.reason, 'PodFailed');
});

test('a container that ran and vanished has ended with an unknown result', () => {
  const old: PodStatus = {
    containerStatuses: [{ name: 'c', image: 'i', imageID: 'x', ready: true, restartCount: 1, state: { running: {} } }],
  };
  const [only] = status({}, world([]), { old }).containerStatuses ?? [];
  assert.equal(only?.lastState?.terminated?.reason, 'ContainerStatusUnknown');
  assert.equal(only?.restartCount, 2);
});
