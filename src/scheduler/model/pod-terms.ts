import type { Stored } from '../../api/meta/object.ts';
import { type Labels, NOTHING, type ParsedSelector, selectorFromObject } from '../../api/meta/selector.ts';
import type { Pod, PodAffinityTerm, TopologySpreadConstraint } from '../../api/types/core-v1.ts';
import type { LabelSelector, LabelSelectorRequirement } from '../../api/types/meta-v1.ts';

/** Which pods an affinity term speaks of. Terms of equal `id` speak of the same. */
export interface PodTerm {
  id: string;
  topologyKey: string;
  weight: number;
  namespaces: ReadonlySet<string>;
  /** Undefined: only `namespaces` count. */
  namespaceSelector: ParsedSelector | undefined;
  selector: ParsedSelector;
}

export interface SpreadConstraint {
  /** Equal for constraints that count the same pods. */
  selectorId: string;
  topologyKey: string;
  maxSkew: number;
  minDomains: number;
  hard: boolean;
  selector: ParsedSelector;
  honorNodeAffinity: boolean;
  honorNodeTaints: boolean;
}

export interface PodTerms {
  requiredAffinity: readonly PodTerm[];
  requiredAntiAffinity: readonly PodTerm[];
  preferredAffinity: readonly PodTerm[];
  preferredAntiAffinity: readonly PodTerm[];
  spread: readonly SpreadConstraint[];
  /** None of the above: nearly every pod. */
  empty: boolean;
}

const NONE: PodTerms = Object.freeze({
  requiredAffinity: [],
  requiredAntiAffinity: [],
  preferredAffinity: [],
  preferredAntiAffinity: [],
  spread: [],
  empty: true,
});

export const compilePodTerms = (pod: Stored<Pod>): PodTerms => {
  const affinity = pod.spec?.affinity;
  const spread = pod.spec?.topologySpreadConstraints ?? [];
  if (!affinity?.podAffinity && !affinity?.podAntiAffinity && spread.length === 0) return NONE;
  const required = (terms: readonly PodAffinityTerm[] | undefined): PodTerm[] => (terms ?? []).map((term) => compileTerm(term, pod, 1));
  return {
    requiredAffinity: required(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: required(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: (affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((item) =>
      compileTerm(item.podAffinityTerm, pod, item.weight),
    ),
    preferredAntiAffinity: (affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((item) =>
      compileTerm(item.podAffinityTerm, pod, item.weight),
    ),
    spread: spread.map((constraint) => compileSpread(constraint, pod)),
    empty: false,
  };
};

export const termMatches = (
  term: PodTerm,
  pod: { namespace: string; labels: Labels },
  namespaceLabels: (namespace: string) => Labels | undefined,
): boolean =>
  (term.namespaces.has(pod.namespace) || (term.namespaceSelector?.matches(namespaceLabels(pod.namespace)) ?? false)) &&
  term.selector.matches(pod.labels);

const compileTerm = (term: PodAffinityTerm, pod: Stored<Pod>, weight: number): PodTerm => {
  const namespace = pod.metadata.namespace ?? '';
  const named = term.namespaces ?? [];
  const namespaces = named.length === 0 && !term.namespaceSelector ? [namespace] : named;
  const selector = withLabelKeys(term.labelSelector, pod, term.matchLabelKeys, term.mismatchLabelKeys);
  return {
    id: JSON.stringify([namespaces, term.namespaceSelector, selector]),
    topologyKey: term.topologyKey,
    weight,
    namespaces: new Set(namespaces),
    namespaceSelector: term.namespaceSelector ? selectorFromObject(term.namespaceSelector) : undefined,
    selector: selector ? selectorFromObject(selector) : NOTHING,
  };
};

const compileSpread = (constraint: TopologySpreadConstraint, pod: Stored<Pod>): SpreadConstraint => {
  const selector = withLabelKeys(constraint.labelSelector, pod, constraint.matchLabelKeys, undefined);
  return {
    selectorId: JSON.stringify([pod.metadata.namespace, selector]),
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    hard: constraint.whenUnsatisfiable !== 'ScheduleAnyway',
    selector: selector ? selectorFromObject(selector) : NOTHING,
    honorNodeAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorNodeTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
};

/** The server merges these keys into the selector where it can; doing it again changes nothing. */
const withLabelKeys = (
  selector: LabelSelector | undefined,
  pod: Stored<Pod>,
  match: readonly string[] | undefined,
  mismatch: readonly string[] | undefined,
): LabelSelector | undefined => {
  if (!selector || (!match?.length && !mismatch?.length)) return selector;
  const labels = pod.metadata.labels ?? {};
  const extra = (keys: readonly string[] | undefined, operator: string): LabelSelectorRequirement[] =>
    (keys ?? []).filter((key) => labels[key] !== undefined).map((key) => ({ key, operator, values: [labels[key] as string] }));
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...extra(match, 'In'), ...extra(mismatch, 'NotIn')] };
};
