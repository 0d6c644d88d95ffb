import type { Stored } from '../../api/meta/object.ts';
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { REVISION_HASH } from '../controller-history.ts';
import { isPodAvailable, isPodFinished } from '../pods.ts';

/** What one sync is to do; at most one step for ordered sets. */
export type StatefulStep = { kind: 'create'; ordinal: number; fresh: boolean } | { kind: 'delete'; pod: Stored<Pod> };

export const ordinalOf = (set: Stored<StatefulSet>, pod: Stored<Pod>): number => {
  const prefix = `${set.metadata.name}-`;
  const name = pod.metadata.name ?? '';
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^\d+$/.test(rest) ? Number(rest) : -1;
};

export const decideStateful = (input: {
  set: Stored<StatefulSet>;
  pods: readonly Stored<Pod>[];
  currentRevision: string;
  updateRevision: string;
  now: number;
}): StatefulStep[] => {
  const { set, pods, currentRevision, updateRevision, now } = input;
  const { replicas = 1, minReadySeconds = 0, ordinals, podManagementPolicy, updateStrategy } = set.spec ?? {};
  const start = ordinals?.start ?? 0;
  const inOrder = podManagementPolicy !== 'Parallel';
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  const isUp = (pod: Stored<Pod>): boolean => !pod.metadata.deletionTimestamp && isPodAvailable(pod, minReadySeconds, now);
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  const steps: StatefulStep[] = [];

  for (let ordinal = start; ordinal < start + replicas; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) {
      // Below the partition the old template stays; and during a roll-out the not yet updated ones come back as they were.
      const fresh = currentRevision === updateRevision || ordinal - start >= partition;
      steps.push({ kind: 'create', ordinal, fresh });
      if (inOrder) return steps;
      continue;
    }
    if (isPodFinished(pod) && !pod.metadata.deletionTimestamp) {
      steps.push({ kind: 'delete', pod });
      if (inOrder) return steps;
      continue;
    }
    if (inOrder && !isUp(pod)) return steps.length > 0 ? steps : brokenOldPod(input, pod, ordinal - start >= partition);
  }

  const condemned = pods
    .filter((pod) => ordinalOf(set, pod) >= start + replicas || ordinalOf(set, pod) < start)
    .sort((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
  const lowestDown = condemned.findLast((pod) => !isUp(pod));
  for (const pod of condemned) {
    if (pod.metadata.deletionTimestamp) {
      if (inOrder) return steps;
      continue;
    }
    // Scaling down halts while predecessors are ill: taking another one could cost the set its quorum.
    if (inOrder && !isUp(pod) && pod !== lowestDown) return steps;
    steps.push({ kind: 'delete', pod });
    if (inOrder) return steps;
  }
  if (steps.length > 0 || updateStrategy?.type === 'OnDelete') return steps;

  for (let ordinal = start + replicas - 1; ordinal >= start + partition; ordinal -= 1) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) return steps;
    if (revisionOfPod(pod) !== updateRevision) return pod.metadata.deletionTimestamp ? [] : [{ kind: 'delete', pod }];
    // Each must stand before the next is taken.
    if (!isUp(pod)) return [];
  }
  return [];
};

/** An old pod that never came up must not stop the roll-out that mends it. */
const brokenOldPod = (
  input: { set: Stored<StatefulSet>; updateRevision: string },
  pod: Stored<Pod>,
  mayUpdate: boolean,
): StatefulStep[] => {
  const isOld = revisionOfPod(pod) !== input.updateRevision;
  const neverRan = pod.status?.phase === 'Pending';
  const isOnDelete = input.set.spec?.updateStrategy?.type === 'OnDelete';
  return isOld && neverRan && mayUpdate && !isOnDelete && !pod.metadata.deletionTimestamp && pod.spec?.nodeName
    ? [{ kind: 'delete', pod }]
    : [];
};

export const revisionOfPod = (pod: Stored<Pod>): string => pod.metadata.labels?.[REVISION_HASH] ?? '';
