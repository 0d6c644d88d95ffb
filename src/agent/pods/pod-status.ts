import type { Stored } from '../../api/meta/object.ts';
import type { Container, ContainerState, ContainerStatus, Pod, PodStatus } from '../../api/types/core-v1.ts';
import { OWN_CONDITIONS, podConditions } from './pod-conditions.ts';
import { podPhase } from './pod-phase.ts';
import { isSidecar } from './restart-policy.ts';
import { type RuntimeContainer, type RuntimePod, readySandbox } from './runtime-state.ts';

export interface StatusFacts {
  pod: Stored<Pod>;
  state: RuntimePod;
  /** The status as the agent last wrote or read it. */
  old: PodStatus;
  /** Why a container is not running, by its name: `ImagePullBackOff`, `CrashLoopBackOff`. */
  waiting: ReadonlyMap<string, { reason: string; message: string }>;
  probes: { isReady(container: string): boolean; isStarted(container: string): boolean };
  qosClass: string;
  hostIPs: readonly string[];
  runtimeName: string;
  /** Nothing will be started again. */
  isTerminal: boolean;
  /** Why the pod was ended by the agent: `DeadlineExceeded`, `Evicted`. Makes the phase Failed. */
  failed?: { reason: string; message: string } | undefined;
  now: string;
}

/** The status of a pod as kubelet would write it. Pure. */
export const podStatus = (facts: StatusFacts): PodStatus => {
  const { pod, state, old, now } = facts;
  const spec = pod.spec;
  if (!spec) return old;
  const initStatuses = (spec.initContainers ?? []).map((container) => containerStatus(facts, container, old.initContainerStatuses, 'init'));
  const statuses = spec.containers.map((container) => containerStatus(facts, container, old.containerStatuses, 'main'));
  const ephemeral = (spec.ephemeralContainers ?? []).map((container) =>
    containerStatus(facts, container, old.ephemeralContainerStatuses, 'ephemeral'),
  );
  const sandbox = readySandbox(state);
  let phase: string = facts.failed ? 'Failed' : podPhase({ spec, initStatuses, statuses, isTerminal: facts.isTerminal });
  if (old.phase === 'Failed' || old.phase === 'Succeeded') phase = old.phase;
  const keepsReason = old.phase === phase;
  const reason = facts.failed?.reason ?? (keepsReason ? old.reason : undefined);
  const message = facts.failed?.message ?? (keepsReason ? old.message : undefined);
  const ips = sandbox ? (spec.hostNetwork ? [...facts.hostIPs] : sandbox.ips) : (old.podIPs ?? []).map(({ ip }) => ip);
  const own = podConditions({ pod, phase, initStatuses, statuses, hasSandbox: sandbox !== undefined, old: old.conditions ?? [], now });
  const foreign = (pod.status?.conditions ?? []).filter(({ type }) => !OWN_CONDITIONS.has(type));
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: [...own, ...foreign],
    ...(reason ? { reason } : {}),
    ...(message ? { message } : {}),
    ...(facts.hostIPs[0] ? { hostIP: facts.hostIPs[0], hostIPs: facts.hostIPs.map((ip) => ({ ip })) } : {}),
    ...(ips[0] ? { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) } : {}),
    startTime: old.startTime ?? now,
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
    qosClass: old.qosClass ?? facts.qosClass,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
};

type Role = 'init' | 'main' | 'ephemeral';

const containerStatus = (
  facts: StatusFacts,
  container: Container,
  olds: readonly ContainerStatus[] | undefined,
  role: Role,
): ContainerStatus => {
  const { state, waiting, probes, pod } = facts;
  const old = olds?.find(({ name }) => name === container.name);
  const [latest, before] = state.containers.filter(({ name }) => name === container.name);
  const why = waiting.get(container.name);
  if (!latest) return withoutContainer(facts, container, old, why);

  let current = toState(latest, facts.runtimeName);
  let last: ContainerState = before ? toState(before, facts.runtimeName) : (old?.lastState ?? {});
  if (last.running || last.waiting) last = old?.lastState ?? {};
  const isDoneInit = role === 'init' && !isSidecar(container) && latest.state === 'exited' && latest.exitCode === 0;
  if (why && latest.state !== 'running' && !isDoneInit && !facts.isTerminal) {
    // It is to be started again: what ended is now the last state.
    if (current.terminated) last = current;
    current = { waiting: { reason: why.reason, ...(why.message ? { message: why.message } : {}) } };
  } else if (latest.state === 'created' || latest.state === 'unknown') {
    current = { waiting: { reason: initialReason(pod, role) } };
  }
  const isRunning = current.running !== undefined;
  const started = isRunning && (role === 'ephemeral' || probes.isStarted(container.name));
  const ready =
    role === 'init' && !isSidecar(container)
      ? current.terminated?.exitCode === 0
      : role !== 'ephemeral' && started && probes.isReady(container.name);
  return {
    name: container.name,
    state: current,
    lastState: last,
    ready,
    restartCount: Math.max(latest.restartCount, 0),
    image: latest.image || container.image || '',
    imageID: latest.imageRef,
    containerID: `${facts.runtimeName}://${latest.id}`,
    started,
    ...resourcesOf(container),
    ...volumeMountsOf(container),
  };
};

const withoutContainer = (
  facts: StatusFacts,
  container: Container,
  old: ContainerStatus | undefined,
  why: { reason: string; message: string } | undefined,
): ContainerStatus => {
  if (old?.state?.terminated && !why) return { ...old, ready: old.ready && old.state.terminated.exitCode === 0 };
  let last = old?.lastState ?? {};
  let restartCount = old?.restartCount ?? 0;
  let state: ContainerState = {
    waiting: why ? { reason: why.reason, ...(why.message ? { message: why.message } : {}) } : { reason: initialReason(facts.pod, 'main') },
  };
  if (old?.state?.terminated) last = { terminated: old.state.terminated };
  if (old?.state?.running) {
    // It ran, and the runtime knows nothing of it any more: it has ended, with a result that nobody saw.
    const terminated = {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
    };
    if (facts.isTerminal) state = { terminated };
    else {
      last = {
        terminated: {
          ...terminated,
          message: 'The container could not be located when the pod was deleted.  The container used to be Running',
        },
      };
      restartCount++;
    }
  }
  return {
    name: container.name,
    state,
    lastState: last,
    ready: false,
    restartCount,
    image: container.image ?? '',
    imageID: old?.imageID ?? '',
    started: false,
    ...resourcesOf(container),
    ...volumeMountsOf(container),
  };
};

/** A pod that has init containers to run says so of all its containers. */
const initialReason = (pod: Stored<Pod>, role: Role): string =>
  role !== 'ephemeral' && (pod.spec?.initContainers?.length ?? 0) > 0 ? 'PodInitializing' : 'ContainerCreating';

const toState = (container: RuntimeContainer, runtimeName: string): ContainerState => {
  if (container.state === 'running') return { running: { startedAt: isoSeconds(container.startedAt) } };
  if (container.state !== 'exited') return { waiting: {} };
  return {
    terminated: {
      exitCode: container.exitCode,
      reason: container.reason || (container.exitCode === 0 ? 'Completed' : 'Error'),
      ...(container.message ? { message: container.message } : {}),
      startedAt: isoSeconds(container.startedAt),
      finishedAt: isoSeconds(container.finishedAt),
      containerID: `${runtimeName}://${container.id}`,
    },
  };
};

const resourcesOf = ({ resources }: Container): Partial<ContainerStatus> => {
  if (!resources || Object.keys(resources).length === 0) return { resources: {} };
  return { ...(resources.requests ? { allocatedResources: resources.requests } : {}), resources };
};

const volumeMountsOf = ({ volumeMounts }: Container): Partial<ContainerStatus> =>
  volumeMounts?.length
    ? {
        volumeMounts: volumeMounts.map(({ name, mountPath, readOnly }) => ({
          name,
          mountPath,
          ...(readOnly ? { readOnly, recursiveReadOnly: 'Disabled' } : {}),
        })),
      }
    : {};

/** Kubernetes' times have whole seconds. A container that never ran has none. */
export const isoSeconds = (milliseconds: number): string => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
