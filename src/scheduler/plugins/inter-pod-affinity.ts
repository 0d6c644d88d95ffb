import type { ClusterState } from '../model/cluster-state.ts';
import type { NodeInfo } from '../model/node-info.ts';
import type { PodInfo } from '../model/pod-info.ts';
import { type PodTerm, termMatches } from '../model/pod-terms.ts';
import { reject, type SchedulerPlugin } from '../plugin.ts';

const AFFINITY = reject("node(s) didn't match pod affinity rules", { resolvable: false });
const ANTI_AFFINITY = reject("node(s) didn't match pod anti-affinity rules", { resolvable: true });
const EXISTING = reject("node(s) didn't satisfy existing pods anti-affinity rules", { resolvable: true });
/** What a placed pod's required affinity to the newcomer is worth. */
const HARD_AFFINITY_WEIGHT = 1;

interface Counted {
  topologyKey: string;
  counts: ReadonlyMap<string, number>;
}

/** Pods that want to be near others, or away from them; and what the pods that are there want of the newcomer. */
export const interPodAffinity: SchedulerPlugin = {
  name: 'InterPodAffinity',
  weight: 2,
  prepareFilter: (pod, { state }) => {
    const existing: Counted[] = [];
    for (const group of state.groups)
      if (group.kind === 'required-anti' && termMatches(group.term, pod, state.namespaceLabels))
        existing.push({ topologyKey: group.term.topologyKey, counts: group.tally.by(group.term.topologyKey) });
    const away = pod.terms.requiredAntiAffinity.map((term) => countedBy(term, state));
    const near = countNear(pod, state);
    if (existing.length === 0 && away.length === 0 && near.length === 0) return undefined;
    // The first of a group that wants to be near itself has nobody to be near to.
    const mayBeFirst =
      near.length > 0 &&
      near.every((counted) => counted.counts.size === 0) &&
      pod.terms.requiredAffinity.every((term) => termMatches(term, pod, state.namespaceLabels));
    return {
      filter: (node) => {
        if (!isNear(near, node, mayBeFirst)) return AFFINITY;
        if (touches(away, node)) return ANTI_AFFINITY;
        return touches(existing, node) ? EXISTING : undefined;
      },
    };
  },
  prepareScore: (pod, { state }) => {
    const weighted: (Counted & { weight: number })[] = [];
    for (const term of pod.terms.preferredAffinity) weighted.push({ ...countedBy(term, state), weight: term.weight });
    for (const term of pod.terms.preferredAntiAffinity) weighted.push({ ...countedBy(term, state), weight: -term.weight });
    for (const group of state.groups) {
      if (group.kind === 'required-anti' || !termMatches(group.term, pod, state.namespaceLabels)) continue;
      const weight = group.kind === 'required' ? HARD_AFFINITY_WEIGHT : group.kind === 'preferred' ? group.term.weight : -group.term.weight;
      weighted.push({ topologyKey: group.term.topologyKey, counts: group.tally.by(group.term.topologyKey), weight });
    }
    const telling = weighted.filter((counted) => counted.counts.size > 0);
    if (telling.length === 0) return undefined;
    return {
      score: (node) => {
        let score = 0;
        for (const { topologyKey, counts, weight } of telling) score += weight * (counts.get(node.labels[topologyKey] ?? '') ?? 0);
        return score;
      },
      normalize: spreadOverRange,
    };
  },
  mayHelp: (event) =>
    event.kind === 'pod-gone' ||
    event.kind === 'pod-placed' ||
    event.kind === 'node-added' ||
    event.kind === 'namespace-changed' ||
    (event.kind === 'node-changed' && event.what === 'labels'),
};

const countedBy = (term: PodTerm, state: ClusterState): Counted => ({
  topologyKey: term.topologyKey,
  counts: state.countTerm(term).by(term.topologyKey),
});

/** Pods count for affinity only when all required terms speak of them. */
const countNear = (pod: PodInfo, state: ClusterState): Counted[] => {
  const terms = pod.terms.requiredAffinity;
  const [only] = terms;
  if (!only) return [];
  if (terms.length === 1) return [countedBy(only, state)];
  const id = `all ${terms.map((term) => term.id).join(' ')}`;
  const matches = (other: PodInfo): boolean => terms.every((term) => termMatches(term, other, state.namespaceLabels));
  const tally = state.count({ id, namespace: undefined, matches });
  return terms.map((term) => ({ topologyKey: term.topologyKey, counts: tally.by(term.topologyKey) }));
};

const isNear = (near: readonly Counted[], node: NodeInfo, mayBeFirst: boolean): boolean => {
  let all = true;
  for (const { topologyKey, counts } of near) {
    const value = node.labels[topologyKey];
    if (value === undefined) return false;
    if ((counts.get(value) ?? 0) <= 0) all = false;
  }
  return all || mayBeFirst;
};

const touches = (counted: readonly Counted[], node: NodeInfo): boolean => {
  for (const { topologyKey, counts } of counted) {
    const value = node.labels[topologyKey];
    if (value !== undefined && (counts.get(value) ?? 0) > 0) return true;
  }
  return false;
};

const spreadOverRange = (scores: Float64Array): void => {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const score of scores) {
    if (score < least) least = score;
    if (score > most) most = score;
  }
  for (let index = 0; index < scores.length; index += 1)
    scores[index] = most > least ? Math.trunc((100 * ((scores[index] ?? 0) - least)) / (most - least)) : 0;
};
