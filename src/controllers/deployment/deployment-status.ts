import type { Stored } from '../../api/meta/object.ts';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.ts';
import { rfc3339 } from '../pods.ts';
import { availableReplicas, maxUnavailableOf, replicasOf, specReplicas } from './deployment-decide.ts';

type Set = Stored<ReplicaSet>;
type Said = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>;

export const conditionOf = (status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

/** Says it, in place of what was said of the type before. The same status and reason again changes nothing. */
export const withCondition = (conditions: readonly DeploymentCondition[], said: Said, now: number): DeploymentCondition[] => {
  const before = conditions.find((condition) => condition.type === said.type);
  if (before && before.status === said.status && before.reason === said.reason) return [...conditions];
  return replaced(conditions, said, now);
};

const replaced = (conditions: readonly DeploymentCondition[], said: Said, now: number): DeploymentCondition[] => {
  const before = conditions.find((condition) => condition.type === said.type);
  const time = rfc3339(now);
  const lastTransitionTime = before?.status === said.status ? (before.lastTransitionTime ?? time) : time;
  return [...conditions.filter((condition) => condition.type !== said.type), { ...said, lastUpdateTime: time, lastTransitionTime }];
};

/** The counts, and whether enough pods are available. */
export const countStatus = (
  deployment: Stored<Deployment>,
  newSet: Set | undefined,
  sets: readonly Set[],
  now: number,
): DeploymentStatus => {
  const count = (of: (set: Set) => number | undefined): number => sets.reduce((total, set) => total + (of(set) ?? 0), 0);
  const available = availableReplicas(sets);
  const enough = available >= replicasOf(deployment) - maxUnavailableOf(deployment);
  const numbers = {
    replicas: count((set) => set.status?.replicas),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: count((set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, specReplicas(sets) - available),
  };
  const { collisionCount, conditions = [] } = deployment.status ?? {};
  return {
    observedGeneration: deployment.metadata.generation,
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value > 0)),
    terminatingReplicas: count((set) => set.status?.terminatingReplicas),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: withCondition(
      conditions,
      enough
        ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
        : {
            type: 'Available',
            status: 'False',
            reason: 'MinimumReplicasUnavailable',
            message: 'Deployment does not have minimum availability.',
          },
      now,
    ),
  };
};

export const isComplete = (deployment: Stored<Deployment>, status: DeploymentStatus): boolean => {
  const wanted = replicasOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
};

const hasProgressed = (before: DeploymentStatus, after: DeploymentStatus): boolean => {
  const old = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
};

const deadlineOf = (deployment: Deployment): number | undefined => {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds >= 2 ** 31 - 1 ? undefined : seconds * 1000;
};

/** The status with the rollout's progress: complete, progressing, or out of time. */
export const rolloutStatus = (
  deployment: Stored<Deployment>,
  newSet: Set | undefined,
  sets: readonly Set[],
  now: number,
): DeploymentStatus => {
  const status = countStatus(deployment, newSet, sets, now);
  let conditions: DeploymentCondition[] = status.conditions ?? [];
  const current = conditions.find((condition) => condition.type === 'Progressing');
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  const isDone = status.replicas === status.updatedReplicas && current?.reason === 'NewReplicaSetAvailable';
  if (deadlineOf(deployment) === undefined) conditions = conditions.filter((condition) => condition.type !== 'Progressing');
  else if (!isDone) {
    if (isComplete(deployment, status)) {
      const message = `${subject} has successfully progressed.`;
      conditions = withCondition(conditions, { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message }, now);
    } else if (hasProgressed(deployment.status ?? {}, status)) {
      // Said again each time: its update time is what the deadline counts from.
      const message = `${subject} is progressing.`;
      conditions = replaced(conditions, { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message }, now);
    } else if (hasTimedOut(deployment, current, now)) {
      const message = `${subject} has timed out progressing.`;
      conditions = withCondition(conditions, { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message }, now);
    }
  }
  const failure = failureOf(newSet, sets);
  conditions = failure ? withCondition(conditions, failure, now) : conditions.filter((condition) => condition.type !== 'ReplicaFailure');
  return { ...status, conditions };
};

const hasTimedOut = (deployment: Deployment, progressing: DeploymentCondition | undefined, now: number): boolean => {
  if (!progressing || progressing.reason === 'NewReplicaSetAvailable') return false;
  if (progressing.reason === 'ProgressDeadlineExceeded') return true;
  return Date.parse(progressing.lastUpdateTime ?? '') + (deadlineOf(deployment) ?? Number.POSITIVE_INFINITY) < now;
};

const failureOf = (newSet: Set | undefined, sets: readonly Set[]): Said | undefined => {
  for (const set of newSet ? [newSet, ...sets] : sets) {
    const failure = set.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
    if (failure) return { type: 'ReplicaFailure', status: failure.status, reason: failure.reason ?? '', message: failure.message ?? '' };
  }
  return undefined;
};

/** When to look again whether the deadline has passed. */
export const msToDeadline = (deployment: Stored<Deployment>, status: DeploymentStatus, now: number): number | undefined => {
  const deadline = deadlineOf(deployment);
  const progressing = conditionOf(status, 'Progressing');
  if (deadline === undefined || !progressing) return undefined;
  if (isComplete(deployment, status) || progressing.reason === 'ProgressDeadlineExceeded') return undefined;
  return Math.max(1000, Date.parse(progressing.lastUpdateTime ?? '') + deadline + 1000 - now);
};
