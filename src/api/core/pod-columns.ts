import type { Column } from '../kind.ts';
import { age, ageColumn, as, cellOf, column, wideColumn } from '../meta/columns.ts';
import type { KubeObject, Stored } from '../meta/object.ts';
import type { Container, ContainerStatus, Pod } from '../types/core-v1.ts';

/** What `kubectl get pods` says of a pod in its Ready, Status and Restarts columns. */
export interface PodSummary {
  ready: string;
  status: string;
  restarts: string;
}

const isSidecar = (container: Container | undefined): boolean => container?.restartPolicy === 'Always';

const hasCondition = (pod: Stored<Pod>, type: string): boolean =>
  pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

interface Tally {
  restarts: number;
  lastRestart: string;
}

const count = (tally: Tally, status: ContainerStatus): void => {
  tally.restarts += status.restartCount;
  const finished = status.lastState?.terminated?.finishedAt ?? '';
  if (finished > tally.lastRestart) tally.lastRestart = finished;
};

/** `Init:1/2`, `Init:Error`, ... for the first init container that is not done; undefined when all are. */
const initReason = (status: ContainerStatus, index: number, total: number): string => {
  const { terminated, waiting } = status.state ?? {};
  if (terminated) {
    if (terminated.reason) return `Init:${terminated.reason}`;
    return terminated.signal ? `Init:Signal:${terminated.signal}` : `Init:ExitCode:${terminated.exitCode}`;
  }
  if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
  return `Init:${index}/${total}`;
};

interface InitState {
  reason: string | undefined;
  readySidecars: number;
  all: Tally;
  sidecars: Tally;
}

const initState = (pod: Stored<Pod>): InitState => {
  const containers = new Map((pod.spec?.initContainers ?? []).map((container) => [container.name, container]));
  const state: InitState = {
    reason: undefined,
    readySidecars: 0,
    all: { restarts: 0, lastRestart: '' },
    sidecars: { restarts: 0, lastRestart: '' },
  };
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const sidecar = isSidecar(containers.get(status.name));
    count(state.all, status);
    if (sidecar) count(state.sidecars, status);
    if (status.state?.terminated?.exitCode === 0) continue;
    if (sidecar && status.started) {
      if (status.ready) state.readySidecars++;
      continue;
    }
    state.reason = initReason(status, index, containers.size);
    break;
  }
  return state;
};

const mainReason = (pod: Stored<Pod>, start: string, tally: Tally): { reason: string; ready: number } => {
  let [reason, errorReason, ready, running] = [start, '', 0, false];
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    count(tally, status);
    const { waiting, terminated, running: runs } = status.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated) {
      reason = terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`);
      if (terminated.exitCode !== 0) errorReason = reason;
    } else if (status.ready && runs) {
      running = true;
      ready++;
    }
  }
  if (reason === 'Completed') {
    if (running && hasCondition(pod, 'Ready')) reason = 'Running';
    else if (errorReason) reason = errorReason;
    else if (running) reason = 'NotReady';
  }
  return { reason, ready };
};

export const podSummary = (object: KubeObject, now: number): PodSummary => {
  const pod = as<Pod>(object);
  const { status = {}, spec } = pod;
  let reason = status.reason || status.phase || '';
  if (status.conditions?.some((condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated'))
    reason = 'SchedulingGated';
  const total = (spec?.containers ?? []).length + (spec?.initContainers ?? []).filter(isSidecar).length;
  const init = initState(pod);
  let ready = init.readySidecars;
  let tally = init.all;
  if (init.reason !== undefined) reason = init.reason;
  if (init.reason === undefined || hasCondition(pod, 'Initialized')) {
    tally = init.sidecars;
    const main = mainReason(pod, reason, tally);
    reason = main.reason;
    ready += main.ready;
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') reason = 'Terminating';
  }
  const restarts =
    tally.restarts !== 0 && tally.lastRestart ? `${tally.restarts} (${age(tally.lastRestart, now)} ago)` : String(tally.restarts);
  return { ready: `${ready}/${total}`, status: reason, restarts };
};

const readinessGates = cellOf<Pod>(({ spec, status }) => {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const met = gates.filter((gate) => status?.conditions?.find((condition) => condition.type === gate.conditionType)?.status === 'True');
  return `${met.length}/${gates.length}`;
});

export const podColumns: readonly Column[] = [
  column('Ready', (object, now) => podSummary(object, now).ready),
  column('Status', (object, now) => podSummary(object, now).status),
  column('Restarts', (object, now) => podSummary(object, now).restarts),
  ageColumn,
  wideColumn(
    'IP',
    cellOf<Pod>(({ status }) => status?.podIPs?.[0]?.ip || '<none>'),
  ),
  wideColumn(
    'Node',
    cellOf<Pod>(({ spec }) => spec?.nodeName || '<none>'),
  ),
  wideColumn(
    'Nominated Node',
    cellOf<Pod>(({ status }) => status?.nominatedNodeName || '<none>'),
  ),
  wideColumn('Readiness Gates', readinessGates),
];
