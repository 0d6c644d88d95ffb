import type { Stored } from '../../api/meta/object.ts';
import type { ContainerStatus, Pod, PodCondition } from '../../api/types/core-v1.ts';
import { isSidecar } from './restart-policy.ts';

/** Conditions that only the agent writes; all others belong to somebody else and are left alone. */
export const OWN_CONDITIONS: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
]);

export interface ConditionFacts {
  pod: Stored<Pod>;
  phase: string;
  initStatuses: readonly ContainerStatus[];
  statuses: readonly ContainerStatus[];
  hasSandbox: boolean;
  /** As they were: an unchanged status keeps its transition time. */
  old: readonly PodCondition[];
  now: string;
}

/** The agent's conditions of a pod, in upstream's order, reasons and messages spelled as kubelet spells them. */
export const podConditions = (facts: ConditionFacts): PodCondition[] => {
  const containersReady = containersReadyCondition(facts);
  const drafts: PodCondition[] = [
    { type: 'PodReadyToStartContainers', status: facts.hasSandbox ? 'True' : 'False' },
    initializedCondition(facts),
    readyCondition(facts, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
  ];
  return drafts.map((draft) => {
    const before = facts.old.find(({ type }) => type === draft.type);
    const generation = facts.pod.metadata.generation;
    return {
      ...draft,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime: before?.status === draft.status && before.lastTransitionTime ? before.lastTransitionTime : facts.now,
    };
  });
};

const containersReadyCondition = ({ pod, phase, initStatuses, statuses }: ConditionFacts): PodCondition => {
  const names = [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])].map(({ name }) => name);
  const all = [...initStatuses, ...statuses];
  const unready = names.filter((name) => !all.find((status) => status.name === name)?.ready);
  if (phase === 'Succeeded') return { type: 'ContainersReady', status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type: 'ContainersReady', status: 'False', reason: 'PodFailed' };
  if (unready.length === 0) return { type: 'ContainersReady', status: 'True' };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type: 'ContainersReady', status: 'False', reason: 'ContainersNotReady', message };
};

const readyCondition = ({ pod }: ConditionFacts, containersReady: PodCondition): PodCondition => {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' };
  const problems: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (!condition) problems.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (condition.status !== 'True')
      problems.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
  }
  if (problems.length === 0) return { type: 'Ready', status: 'True' };
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: problems.join(', ') };
};

const initializedCondition = ({ pod, phase, initStatuses, statuses }: ConditionFacts): PodCondition => {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  const hasStarted = statuses.some(({ started, state, lastState }) => started || state?.terminated || lastState?.terminated);
  const incomplete = (pod.spec?.initContainers ?? []).filter((container) => {
    const status = initStatuses.find(({ name }) => name === container.name);
    return isSidecar(container) ? !status?.started : !status?.ready;
  });
  if (hasStarted || incomplete.length === 0) return { type: 'Initialized', status: 'True' };
  const message = `containers with incomplete status: [${incomplete.map(({ name }) => name).join(' ')}]`;
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
};
