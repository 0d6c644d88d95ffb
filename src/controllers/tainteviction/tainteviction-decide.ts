import type { Taint, Toleration } from '../../api/types/core-v1.ts';

/** When a pod must leave a node with these taints: never, or so many milliseconds from now (0: at once). */
export const msToEviction = (taints: readonly Taint[], tolerations: readonly Toleration[], now: number): number | undefined => {
  let soonest: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const matching = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return 0;
    const limits = matching.map((toleration) => toleration.tolerationSeconds).filter((seconds) => seconds !== undefined);
    // One that tolerates without limit is not undone by another with one on the same taint only when no limit is given at all.
    if (limits.length === 0) continue;
    const since = Date.parse(taint.timeAdded ?? '');
    const left = Math.max(0, (Number.isNaN(since) ? now : since) + Math.max(0, Math.min(...limits)) * 1000 - now);
    soonest = soonest === undefined ? left : Math.min(soonest, left);
  }
  return soonest;
};

const tolerates = (toleration: Toleration, taint: Taint): boolean => {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  const operator = toleration.operator || 'Equal';
  if (operator === 'Exists') return true;
  return operator === 'Equal' && Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
};
