import type { Stored } from '../../api/meta/object.ts';
import type { DaemonSet } from '../../api/types/apps-v1.ts';
import type { Node, NodeSelectorTerm, Pod, Taint, Toleration } from '../../api/types/core-v1.ts';
import { intOrPercent } from '../int-or-percent.ts';
import { isPodAvailable } from '../pods.ts';

/** What daemons tolerate without being told: they are there when a node is in trouble. */
export const daemonTolerations = (hostNetwork: boolean): Toleration[] => {
  const tolerate = (key: string, effect: string): Toleration => ({ key, operator: 'Exists', effect });
  return [
    tolerate('node.kubernetes.io/not-ready', 'NoExecute'),
    tolerate('node.kubernetes.io/unreachable', 'NoExecute'),
    tolerate('node.kubernetes.io/disk-pressure', 'NoSchedule'),
    tolerate('node.kubernetes.io/memory-pressure', 'NoSchedule'),
    tolerate('node.kubernetes.io/pid-pressure', 'NoSchedule'),
    tolerate('node.kubernetes.io/unschedulable', 'NoSchedule'),
    ...(hostNetwork ? [tolerate('node.kubernetes.io/network-unavailable', 'NoSchedule')] : []),
  ];
};

/** Whether a daemon should run on the node, and whether one that does may stay. */
export const nodeFit = (set: DaemonSet, node: Stored<Node>): { shouldRun: boolean; shouldContinue: boolean } => {
  const spec = set.spec?.template.spec;
  if (spec?.nodeName && spec.nodeName !== node.metadata.name) return { shouldRun: false, shouldContinue: false };
  const labels = node.metadata.labels ?? {};
  const isSelected = Object.entries(spec?.nodeSelector ?? {}).every(([name, value]) => labels[name] === value);
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!isSelected || (terms && !terms.some((term) => matchesTerm(term, node)))) return { shouldRun: false, shouldContinue: false };
  const tolerations = [...(spec?.tolerations ?? []), ...daemonTolerations(spec?.hostNetwork === true)];
  const untolerated = (node.spec?.taints ?? []).filter(
    (taint) => taint.effect !== 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
  return { shouldRun: untolerated.length === 0, shouldContinue: !untolerated.some(({ effect }) => effect === 'NoExecute') };
};

const tolerates = (toleration: Toleration, taint: Taint): boolean =>
  (!toleration.effect || toleration.effect === taint.effect) &&
  (!toleration.key || toleration.key === taint.key) &&
  (toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? ''));

const matchesTerm = (term: NodeSelectorTerm, node: Stored<Node>): boolean => {
  const labels = node.metadata.labels ?? {};
  const fits = (
    { key, operator, values = [] }: { key: string; operator: string; values?: string[] },
    value: string | undefined,
  ): boolean => {
    if (operator === 'In') return value !== undefined && values.includes(value);
    if (operator === 'NotIn') return value === undefined || !values.includes(value);
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    if (operator === 'Gt') return Number(value) > Number(values[0] ?? key);
    return operator === 'Lt' && Number(value) < Number(values[0]);
  };
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((expression) => fits(expression, labels[expression.key])) &&
    matchFields.every((field) => fits(field, field.key === 'metadata.name' ? node.metadata.name : undefined))
  );
};

/** When the next pod of a place that fails again and again may be replaced. */
export interface FailureBackOff {
  delayMs: number;
  until: number;
}

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 15 * 60_000;

/** `waitMs` 0: the failed pod may be replaced now, and the next one has to wait longer. A long time without failures forgets them. */
export const nextFailure = (before: FailureBackOff | undefined, now: number): { waitMs: number; next: FailureBackOff } => {
  if (before && now < before.until) return { waitMs: before.until - now, next: before };
  const isForgotten = !before || now - before.until > 2 * LONGEST_DELAY_MS;
  const delayMs = isForgotten ? FIRST_DELAY_MS : Math.min(before.delayMs * 2, LONGEST_DELAY_MS);
  return { waitMs: 0, next: { delayMs, until: now + delayMs } };
};

/** Pins the pod to its node, so that the ordinary scheduler puts it there and nowhere else. */
export const affinityToNode = (spec: Pod['spec'], nodeName: string): NonNullable<Pod['spec']>['affinity'] => {
  const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] };
  const required = { nodeSelectorTerms: [term] };
  return {
    ...spec?.affinity,
    nodeAffinity: { ...spec?.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required },
  };
};

/** Old pods that a rolling update may delete now. */
export const podsToReplace = (input: {
  set: Stored<DaemonSet>;
  desired: number;
  /** Node -> its active pods, of the current template or not. */
  byNode: ReadonlyMap<string, { fresh: readonly Stored<Pod>[]; old: readonly Stored<Pod>[] }>;
  now: number;
}): Stored<Pod>[] => {
  const { set, desired, byNode, now } = input;
  const { maxUnavailable = 1, maxSurge = 0 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const surge = intOrPercent(maxSurge, desired, 'up');
  const unavailableLimit = surge > 0 ? 0 : Math.max(1, intOrPercent(maxUnavailable, desired, 'up'));
  const minReady = set.spec?.minReadySeconds ?? 0;
  const isUp = (pod: Stored<Pod>): boolean => isPodAvailable(pod, minReady, now);
  const doomed: Stored<Pod>[] = [];
  const candidates: Stored<Pod>[] = [];
  let unavailable = 0;
  for (const { fresh, old } of byNode.values()) {
    if (![...fresh, ...old].some(isUp)) unavailable += 1;
    for (const pod of old) {
      // With surge an old pod goes when its successor stands, or when it is of no use anyway.
      if (!isUp(pod) || (surge > 0 && fresh.some(isUp))) doomed.push(pod);
      else if (surge === 0) candidates.push(pod);
    }
  }
  return [...doomed, ...candidates.slice(0, Math.max(0, unavailableLimit - unavailable))];
};
