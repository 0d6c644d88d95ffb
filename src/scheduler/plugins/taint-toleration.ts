import type { Taint, Toleration } from '../../api/types/core-v1.ts';
import { normalizeByLargest, reject, type SchedulerPlugin } from '../plugin.ts';

const UNTOLERATED = reject('node(s) had untolerated taint(s)', { resolvable: false });

/** Filters by NoSchedule and NoExecute taints, and prefers nodes with few PreferNoSchedule ones. */
export const taintToleration: SchedulerPlugin = {
  name: 'TaintToleration',
  weight: 3,
  prepareFilter: (pod) => ({
    filter: (node) => (node.taints.length > 0 && !toleratesAll(pod.tolerations, node.taints) ? UNTOLERATED : undefined),
  }),
  prepareScore: (pod, _world, candidates) => {
    if (!candidates.some((node) => node.taints.some(isPreference))) return undefined;
    const tolerations = pod.tolerations.filter((toleration) => !toleration.effect || toleration.effect === 'PreferNoSchedule');
    return {
      score: (node) =>
        node.taints.filter((taint) => isPreference(taint) && !tolerations.some((toleration) => tolerates(toleration, taint))).length,
      normalize: (scores) => normalizeByLargest(scores, { reverse: true }),
    };
  },
  mayHelp: (event) => event.kind === 'node-added' || (event.kind === 'node-changed' && event.what !== 'allocatable'),
};

/** Of the taints that keep pods away altogether. */
export const toleratesAll = (tolerations: readonly Toleration[], taints: readonly Taint[]): boolean => {
  for (const taint of taints)
    if (taint.effect !== 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint))) return false;
  return true;
};

export const tolerates = (toleration: Toleration, taint: Pick<Taint, 'key' | 'value' | 'effect'>): boolean => {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
};

const isPreference = (taint: Taint): boolean => taint.effect === 'PreferNoSchedule';
