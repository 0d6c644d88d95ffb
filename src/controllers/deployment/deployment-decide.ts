import { semanticEqual } from '../../api/meta/equality.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import { intOrPercent } from '../int-or-percent.ts';
import { DESIRED_REPLICAS, HASH_LABEL, MAX_REPLICAS, revisionOf } from './revision.ts';

type Set = Stored<ReplicaSet>;

export interface Scaling {
  set: Set;
  replicas: number;
}

export const replicasOf = (object: { spec?: { replicas?: number } }): number => object.spec?.replicas ?? 1;

const sum = (sets: readonly Set[], of: (set: Set) => number): number => sets.reduce((total, set) => total + of(set), 0);
export const specReplicas = (sets: readonly Set[]): number => sum(sets, replicasOf);
export const availableReplicas = (sets: readonly Set[]): number => sum(sets, (set) => set.status?.availableReplicas ?? 0);

const isRolling = (deployment: Deployment): boolean => (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';

/** How many pods there may be too many, and too few, while rolling. Never both 0: nothing could move. */
const fenceposts = (deployment: Deployment): { surge: number; unavailable: number } => {
  const total = replicasOf(deployment);
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = intOrPercent(maxSurge, total, 'up');
  const unavailable = intOrPercent(maxUnavailable, total, 'down');
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
};

export const maxSurgeOf = (deployment: Deployment): number => (isRolling(deployment) ? fenceposts(deployment).surge : 0);

export const maxUnavailableOf = (deployment: Deployment): number =>
  isRolling(deployment) ? Math.min(fenceposts(deployment).unavailable, replicasOf(deployment)) : 0;

/** The set of the deployment's template; the oldest when several are equal, so that all agree. */
export const newSetOf = (deployment: Deployment, sets: readonly Set[]): Set | undefined =>
  byCreation(sets).find((set) => sameTemplate(set.spec?.template, deployment.spec?.template));

export const sameTemplate = (a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean =>
  semanticEqual(withoutHash(a), withoutHash(b));

const withoutHash = (template: PodTemplateSpec | undefined): unknown => {
  const { [HASH_LABEL]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels, creationTimestamp: undefined } };
};

export const byCreation = (sets: readonly Set[]): Set[] =>
  [...sets].sort(
    (a, b) =>
      Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? '') ||
      ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1),
  );

/** How big the set of the current template should be now. */
export const newSetReplicas = (deployment: Deployment, sets: readonly Set[], newSet: Set | undefined): number => {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  const current = newSet ? replicasOf(newSet) : 0;
  const room = wanted + fenceposts(deployment).surge - specReplicas(sets);
  return room <= 0 ? current : current + Math.min(room, Math.max(0, wanted - current));
};

/** One step of a rolling update: the new set grows as far as it may, or else the old ones shrink as far as they may. */
export const decideRollingUpdate = (deployment: Deployment, newSet: Set, oldSets: readonly Set[]): Scaling[] => {
  const wanted = replicasOf(deployment);
  const current = replicasOf(newSet);
  if (current > wanted) return [{ set: newSet, replicas: wanted }];
  const grown = newSetReplicas(deployment, [...oldSets, newSet], newSet);
  if (grown !== current) return [{ set: newSet, replicas: grown }];
  return decideOldSets(deployment, newSet, oldSets);
};

const decideOldSets = (deployment: Deployment, newSet: Set, oldSets: readonly Set[]): Scaling[] => {
  if (specReplicas(oldSets) === 0) return [];
  const minAvailable = replicasOf(deployment) - maxUnavailableOf(deployment);
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  const spare = specReplicas([...oldSets, newSet]) - minAvailable - newUnavailable;
  if (spare <= 0) return [];
  const sizes = new Map(oldSets.map((set) => [set, replicasOf(set)]));

  // Pods that are not available go first: nobody misses them, and they might never become available.
  let cleaned = 0;
  for (const set of byCreation(oldSets)) {
    const size = sizes.get(set) ?? 0;
    const ill = Math.min(spare - cleaned, size - (set.status?.availableReplicas ?? 0));
    if (size === 0 || ill <= 0) continue;
    sizes.set(set, size - ill);
    cleaned += ill;
  }

  let removable = availableReplicas([...oldSets, newSet]) - minAvailable;
  for (const set of byCreation(oldSets)) {
    const size = sizes.get(set) ?? 0;
    const less = Math.min(size, removable);
    if (less <= 0) continue;
    sizes.set(set, size - less);
    removable -= less;
  }
  return [...sizes].filter(([set, size]) => size !== replicasOf(set)).map(([set, replicas]) => ({ set, replicas }));
};

/** The deployment was scaled, or is paused: sizes follow, the mixture of templates stays. */
export const decideScale = (deployment: Deployment, newSet: Set | undefined, oldSets: readonly Set[]): Scaling[] => {
  const wanted = replicasOf(deployment);
  const all = newSet ? [...oldSets, newSet] : [...oldSets];
  const active = all.filter((set) => replicasOf(set) > 0);
  const only = active.length === 0 ? (newSet ?? byCreation(oldSets).at(-1)) : active.length === 1 ? active[0] : undefined;
  if (only) return replicasOf(only) === wanted ? [] : [{ set: only, replicas: wanted }];
  if (active.length === 0) return [];
  if (newSet && isSaturated(deployment, newSet)) return oldSets.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }));
  return isRolling(deployment) ? proportionally(deployment, active) : [];
};

const isSaturated = (deployment: Deployment, set: Set): boolean => {
  const wanted = replicasOf(deployment);
  return (
    replicasOf(set) === wanted &&
    Number(set.metadata.annotations?.[DESIRED_REPLICAS]) === wanted &&
    (set.status?.availableReplicas ?? 0) === wanted
  );
};

/** Each set gets its share of what is to be added or taken, so that a bad template does not get all of the new pods. */
const proportionally = (deployment: Deployment, active: readonly Set[]): Scaling[] => {
  const wanted = replicasOf(deployment);
  const allowed = wanted > 0 ? wanted + maxSurgeOf(deployment) : 0;
  const toAdd = allowed - specReplicas(active);
  const bySize = byCreation(active).sort((a, b) => replicasOf(b) - replicasOf(a));
  // Among equals, growth favours the newer and shrinking takes from the older.
  const ordered = toAdd > 0 ? [...byCreation(active)].reverse().sort((a, b) => replicasOf(b) - replicasOf(a)) : bySize;
  let added = 0;
  const sizes = ordered.map((set) => {
    if (toAdd === 0) return { set, replicas: replicasOf(set) };
    const share = shareOf(deployment, set, toAdd - added);
    added += share;
    return { set, replicas: replicasOf(set) + share };
  });
  const first = sizes[0];
  if (first && toAdd !== 0) first.replicas = Math.max(0, first.replicas + toAdd - added);
  return sizes;
};

const shareOf = (deployment: Deployment, set: Set, remaining: number): number => {
  const size = replicasOf(set);
  if (size === 0 || remaining === 0) return 0;
  const wanted = replicasOf(deployment);
  if (wanted === 0) return Math.max(-size, remaining);
  const before = Number(set.metadata.annotations?.[MAX_REPLICAS]) || deployment.status?.replicas || size;
  const share = Math.round((size * (wanted + maxSurgeOf(deployment))) / before) - size;
  return remaining > 0 ? Math.max(0, Math.min(share, remaining)) : Math.min(0, Math.max(share, remaining));
};

/** Whether somebody changed the number of replicas since the sets were last sized. */
export const isScalingEvent = (deployment: Deployment, sets: readonly Set[]): boolean =>
  sets.some((set) => {
    const desired = set.metadata.annotations?.[DESIRED_REPLICAS];
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== replicasOf(deployment);
  });

/** Old sets beyond the history limit, oldest revision first; only those that are empty for sure. */
export const setsToForget = (deployment: Deployment, oldSets: readonly Set[]): Set[] => {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const alive = oldSets.filter((set) => !set.metadata.deletionTimestamp);
  if (alive.length <= limit) return [];
  return [...alive]
    .sort((a, b) => Number(revisionOf(a) - revisionOf(b)))
    .slice(0, alive.length - limit)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        replicasOf(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
};
