import type { Stored } from '../../api/meta/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { isPodReady, podCondition } from '../pods.ts';

/** What one sync is to do about the number of pods. */
export type ReplicaChange = { kind: 'none' } | { kind: 'create'; count: number } | { kind: 'delete'; pods: readonly Stored<Pod>[] };

/** At most so many creations or deletions a sync: a mistake in a big number is noticed before it is finished. */
export const BURST_REPLICAS = 500;

export const decideReplicas = (input: {
  wanted: number;
  /** Active pods that the set controls. */
  pods: readonly Stored<Pod>[];
  /** Active pods of its siblings (all sets of one Deployment), itself included: for spreading. */
  related: readonly Stored<Pod>[];
  now: number;
}): ReplicaChange => {
  const { wanted, pods, related, now } = input;
  const missing = wanted - pods.length;
  if (missing > 0) return { kind: 'create', count: Math.min(missing, BURST_REPLICAS) };
  if (missing < 0) return { kind: 'delete', pods: podsToDelete(pods, related, now).slice(0, Math.min(-missing, BURST_REPLICAS)) };
  return { kind: 'none' };
};

/** First those whose loss is felt least. */
export const podsToDelete = (pods: readonly Stored<Pod>[], related: readonly Stored<Pod>[], now: number): Stored<Pod>[] => {
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName;
    if (node) onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const crowd = (pod: Stored<Pod>): number => onNode.get(pod.spec?.nodeName ?? '') ?? 0;
  return [...pods].sort((a, b) => {
    const byState =
      Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
      phaseRank(a) - phaseRank(b) ||
      Number(isPodReady(a)) - Number(isPodReady(b)) ||
      deletionCost(a) - deletionCost(b) ||
      crowd(b) - crowd(a);
    if (byState !== 0) return byState;
    const byReadyTime = isPodReady(a) && isPodReady(b) ? ageRank(readySince(a), now) - ageRank(readySince(b), now) : 0;
    return (
      byReadyTime ||
      restarts(b) - restarts(a) ||
      ageRank(Date.parse(a.metadata.creationTimestamp ?? ''), now) - ageRank(Date.parse(b.metadata.creationTimestamp ?? ''), now) ||
      ((a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1)
    );
  });
};

const phaseRank = (pod: Pod): number => (pod.status?.phase === 'Running' ? 2 : pod.status?.phase === 'Unknown' ? 1 : 0);

const deletionCost = (pod: Stored<Pod>): number => {
  const text = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'];
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : 0;
};

const readySince = (pod: Pod): number => Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');

/** Ages count by their logarithm, so that among pods of about the same age chance decides, not a second. */
const ageRank = (since: number, now: number): number => {
  if (Number.isNaN(since)) return -1;
  return Math.floor(Math.log2(Math.max(1, (now - since) / 1000)));
};

const restarts = (pod: Pod): number => Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
