import type { ClusterState, NodeSet } from '../model/cluster-state.ts';
import type { NodeInfo } from '../model/node-info.ts';
import type { PodInfo } from '../model/pod-info.ts';
import type { SpreadConstraint } from '../model/pod-terms.ts';
import type { Tally } from '../model/tally.ts';
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

/** Spreads pods over zones, hosts, or any label: hard constraints filter, soft ones score. */
export const podTopologySpread: SchedulerPlugin = {
  name: 'PodTopologySpread',
  weight: 2,
  prepareFilter: (pod, world) => {
    const constraints = pod.terms.spread.filter((constraint) => constraint.hard);
    if (constraints.length === 0) return undefined;
    const checks = constraints.map((constraint) => {
      const { tally, nodes } = countEligible(constraint, constraints, pod, world);
      const counts = tally.by(constraint.topologyKey);
      const domains = nodes.domains(constraint.topologyKey);
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
    const considered = own ? candidates.filter((node) => !ignored(node)) : candidates;
    const counted = constraints.map((constraint) => {
      const values = new Set<string>();
      if (constraint.topologyKey !== HOSTNAME) for (const node of considered) values.add(node.labels[constraint.topologyKey] ?? '');
      const size = constraint.topologyKey === HOSTNAME ? considered.length : values.size;
      const { tally } = countEligible(constraint, own ? constraints : [], pod, world);
      return { constraint, counts: tally.by(constraint.topologyKey), weight: Math.log(size + 2) };
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

/** Counts the pods that a constraint speaks of, on the nodes that count for this pod: everything is kept up to date elsewhere. */
const countEligible = (
  constraint: SpreadConstraint,
  together: readonly SpreadConstraint[],
  pod: PodInfo,
  { state }: World,
): { tally: Tally; nodes: NodeSet } => {
  const { selector, selectorId } = constraint;
  const nodes = eligibleNodes(constraint, together, pod, state);
  const tally = state.count({
    id: `spread ${selectorId}`,
    namespace: pod.namespace,
    matches: (other) => !other.terminating && selector.matches(other.labels),
    nodes: nodes.id === EVERY_NODE ? undefined : nodes,
  });
  return { tally, nodes };
};

const EVERY_NODE = 'all';

/** Nodes that the pod's own affinity (and taints, when asked for) allows, and that have the labels of all constraints. */
const eligibleNodes = (constraint: SpreadConstraint, together: readonly SpreadConstraint[], pod: PodInfo, state: ClusterState): NodeSet => {
  const { nodeMatcher, tolerations, spec } = pod;
  const byAffinity = constraint.honorNodeAffinity && nodeMatcher !== undefined;
  const keys = together.length > 1 ? together.map((other) => other.topologyKey) : [];
  if (!byAffinity && !constraint.honorNodeTaints && keys.length === 0) return state.nodeSet(EVERY_NODE, () => true);
  const affinity = byAffinity ? [spec.nodeSelector, spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution] : null;
  const id = JSON.stringify([affinity, constraint.honorNodeTaints ? tolerations : null, keys]);
  return state.nodeSet(
    id,
    (node) =>
      keys.every((key) => node.labels[key] !== undefined) &&
      (!byAffinity || nodeMatcher.matches(node)) &&
      (!constraint.honorNodeTaints || toleratesAll(tolerations, node.taints)),
  );
};

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
