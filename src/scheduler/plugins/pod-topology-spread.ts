import type { NodeInfo } from '../model/node-info.ts';
import type { PodInfo } from '../model/pod-info.ts';
import type { SpreadConstraint } from '../model/pod-terms.ts';
import { reject, type SchedulerPlugin, type World } from '../plugin.ts';
import { toleratesAll } from './taint-toleration.ts';

const SKEWED = reject("node(s) didn't match pod topology spread constraints", { resolvable: true });
const NO_LABEL = reject("node(s) didn't match pod topology spread constraints (missing required label)", { resolvable: false });
const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
/** For pods without constraints of their own that belong to a Service or a controller. */
const SYSTEM_DEFAULTS = [
  { topologyKey: HOSTNAME, maxSkew: 3 },
  { topologyKey: ZONE, maxSkew: 5 },
];
const IGNORED = -1;

interface Counted {
  constraint: SpreadConstraint;
  counts: ReadonlyMap<string, number>;
}

/** Spreads pods over zones, hosts, or any label: hard constraints filter, soft ones score. */
export const podTopologySpread: SchedulerPlugin = {
  name: 'PodTopologySpread',
  weight: 2,
  prepareFilter: (pod, world) => {
    const constraints = pod.terms.spread.filter((constraint) => constraint.hard);
    if (constraints.length === 0) return undefined;
    const checks = constraints.map((constraint) => {
      const { counts, domains } = countEligible(constraint, constraints, pod, world);
      let least = Number.POSITIVE_INFINITY;
      for (const value of domains) {
        least = Math.min(least, counts.get(value) ?? 0);
        if (least === 0) break;
      }
      if (domains.size < constraint.minDomains || least === Number.POSITIVE_INFINITY) least = 0;
      return { constraint, counts, least, self: constraint.selector.matches(pod.labels) ? 1 : 0 };
    });
    return {
      filter: (node) => {
        for (const { constraint, counts, least, self } of checks) {
          const value = node.labels[constraint.topologyKey];
          if (value === undefined) return NO_LABEL;
          if ((counts.get(value) ?? 0) + self - least > constraint.maxSkew) return SKEWED;
        }
        return undefined;
      },
    };
  },
  prepareScore: (pod, world, candidates) => {
    const own = pod.terms.spread.length > 0;
    const constraints = own ? pod.terms.spread.filter((constraint) => !constraint.hard) : systemDefaults(pod, world);
    if (constraints.length === 0) return undefined;
    const ignored = own
      ? (node: NodeInfo): boolean => constraints.some(({ topologyKey }) => node.labels[topologyKey] === undefined)
      : () => false;
    const considered = candidates.filter((node) => !ignored(node));
    const counted = constraints.map((constraint) => {
      const values = new Set<string>();
      if (constraint.topologyKey !== HOSTNAME) for (const node of considered) values.add(node.labels[constraint.topologyKey] ?? '');
      const size = constraint.topologyKey === HOSTNAME ? considered.length : values.size;
      const { counts } = countEligible(constraint, own ? constraints : [], pod, world);
      return { constraint, counts, weight: Math.log(size + 2) };
    });
    return {
      score: (node) => {
        if (ignored(node)) return IGNORED;
        let score = 0;
        for (const { constraint, counts, weight } of counted) {
          const value = node.labels[constraint.topologyKey];
          if (value !== undefined) score += (counts.get(value) ?? 0) * weight + constraint.maxSkew - 1;
        }
        return Math.round(score);
      },
      normalize: fewestIsBest,
    };
  },
  mayHelp: (event) =>
    event.kind === 'pod-gone' || event.kind === 'pod-placed' || event.kind === 'node-added' || event.kind === 'node-changed',
};

const systemDefaults = (pod: PodInfo, world: World): SpreadConstraint[] => {
  const siblings = world.siblings(pod);
  if (!siblings) return [];
  return SYSTEM_DEFAULTS.map((constraint) => ({
    ...constraint,
    selectorId: siblings.id,
    selector: siblings.selector,
    minDomains: 1,
    hard: false,
    honorNodeAffinity: true,
    honorNodeTaints: false,
  }));
};

/** The pods per value of the label, and the values there are, over the nodes that count for this pod. */
const countEligible = (
  constraint: SpreadConstraint,
  together: readonly SpreadConstraint[],
  pod: PodInfo,
  { state }: World,
): { counts: Counted['counts']; domains: { size: number } & Iterable<string> } => {
  const { topologyKey, selector, selectorId } = constraint;
  const tally = state.count(`spread ${selectorId}`, pod.namespace, (other) => !other.terminating && selector.matches(other.labels));
  const everyNodeCounts = !constraint.honorNodeTaints && !(constraint.honorNodeAffinity && pod.nodeMatcher) && together.length <= 1;
  // The common case needs no look at any node: both are kept up to date elsewhere.
  if (everyNodeCounts) return { counts: tally.by(topologyKey), domains: keysOf(state.domains(topologyKey)) };
  const counts = new Map<string, number>();
  for (const node of state.nodes) {
    const value = node.labels[topologyKey];
    if (value === undefined || together.some((other) => node.labels[other.topologyKey] === undefined)) continue;
    if (constraint.honorNodeAffinity && pod.nodeMatcher && !pod.nodeMatcher.matches(node)) continue;
    if (constraint.honorNodeTaints && !toleratesAll(pod.tolerations, node.taints)) continue;
    counts.set(value, (counts.get(value) ?? 0) + (tally.perNode.get(node.name) ?? 0));
  }
  return { counts, domains: keysOf(counts) };
};

const keysOf = (map: ReadonlyMap<string, number>): { size: number } & Iterable<string> => ({
  size: map.size,
  [Symbol.iterator]: () => map.keys(),
});

const fewestIsBest = (scores: Float64Array): void => {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const score of scores) {
    if (score === IGNORED) continue;
    if (score < least) least = score;
    if (score > most) most = score;
  }
  for (let index = 0; index < scores.length; index += 1) {
    const score = scores[index] ?? 0;
    if (score === IGNORED) scores[index] = 0;
    else scores[index] = most === 0 ? 100 : Math.trunc((100 * (most + least - score)) / most);
  }
};
