import type { Stored } from '../api/meta/object.ts';
import { selectorFromObject } from '../api/meta/selector.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import { summarize, type Unfit } from './fit-error.ts';
import type { NodeInfo } from './model/node-info.ts';
import type { PodInfo } from './model/pod-info.ts';
import type { SchedulerPlugin, World } from './plugin.ts';
import { firstRejection, prepareFilters } from './scheduling-cycle.ts';

export type Preemption =
  | { kind: 'victims'; node: NodeInfo; victims: readonly PodInfo[] }
  /** `message` follows the reasons: `preemption: ...`. */
  | { kind: 'none'; message: string };

interface Candidate {
  node: NodeInfo;
  /** Most important first. */
  victims: readonly PodInfo[];
  budgetViolations: number;
}

/** Of the nodes where removing pods may help, so many are tried: a tenth, but at least a hundred. */
const LEAST_CANDIDATES = 100;
const CANDIDATE_SHARE = 0.1;
const NO_VICTIMS = 'No preemption victims found for incoming pod';
const LOWEST_PRIORITY = 2 ** 31;

/**
 * Looks for the node where removing the fewest and least important pods lets this one in. Pods of lower priority only; budgets of
 * disruption are broken only when nothing else helps.
 */
export const findPreemption = (
  pod: PodInfo,
  unfit: Unfit,
  options: { world: World; plugins: readonly SchedulerPlugin[]; budgets: readonly Stored<PodDisruptionBudget>[]; random: () => number },
): Preemption => {
  const { world, budgets } = options;
  if (pod.spec.preemptionPolicy === 'Never') return { kind: 'none', message: 'preemption: not eligible due to preemptionPolicy=Never.' };
  if (waitsForVictims(pod, world, unfit))
    return { kind: 'none', message: 'preemption: not eligible due to a terminating pod on the nominated node.' };
  const helpful = unfit.rejected.filter(({ rejection }) => rejection.resolvable).map(({ node }) => node);
  const candidates: Candidate[] = [];
  const refused: (readonly string[])[] = [];
  if (!world.state.hasPodsBelow(pod.priority)) {
    const rest = { reason: 'Preemption is not helpful for scheduling', count: unfit.nodeCount - helpful.length };
    const message = summarize(unfit.nodeCount, [], [rest, { reason: NO_VICTIMS, count: helpful.length }]);
    return { kind: 'none', message: `preemption: ${message}` };
  }
  const wanted = Math.max(LEAST_CANDIDATES, Math.trunc(unfit.nodeCount * CANDIDATE_SHARE));
  const offset = Math.trunc(options.random() * helpful.length);
  for (let index = 0; index < helpful.length && candidates.length < wanted; index += 1) {
    const node = helpful[(index + offset) % helpful.length] as NodeInfo;
    const candidate = selectVictims(pod, node, budgets, options);
    if ('victims' in candidate) candidates.push(candidate);
    else refused.push(candidate.reasons);
  }
  const best = pickBest(candidates);
  if (best) return { kind: 'victims', node: best.node, victims: best.victims };
  const rest = [{ reason: 'Preemption is not helpful for scheduling', count: unfit.nodeCount - refused.length }];
  return { kind: 'none', message: `preemption: ${summarize(unfit.nodeCount, refused, rest)}` };
};

/** An earlier preemption is under way: its victims are still ending. */
const waitsForVictims = (pod: PodInfo, world: World, unfit: Unfit): boolean => {
  const node = world.state.node(pod.pod.status?.nominatedNodeName ?? '');
  if (!node) return false;
  if (unfit.rejected.some((item) => item.node === node && !item.rejection.resolvable)) return false;
  return [...node.pods.values()].some((other) => other.priority < pod.priority && other.terminating);
};

const selectVictims = (
  pod: PodInfo,
  node: NodeInfo,
  budgets: readonly Stored<PodDisruptionBudget>[],
  options: { world: World; plugins: readonly SchedulerPlugin[] },
): Candidate | { reasons: readonly string[] } => {
  const { state } = options.world;
  const removable = [...node.pods.values()].filter((other) => other.priority < pod.priority).sort(byImportance);
  if (removable.length === 0) return { reasons: [NO_VICTIMS] };
  const rejectionWithout = (gone: readonly PodInfo[]) =>
    state.tryWithout(gone, node.name, () => {
      const prepared = prepareFilters(pod, options.world, options.plugins);
      if ('refusal' in prepared) return [prepared.refusal];
      return firstRejection(prepared, node)?.rejection.reasons;
    });
  const reasons = rejectionWithout(removable);
  if (reasons) return { reasons };
  // Each may stay as long as the newcomer still fits: those under a budget are asked first, the important ones before others.
  const { violating, others } = splitByBudgets(removable, budgets);
  const victims = new Set(removable);
  let budgetViolations = 0;
  for (const candidate of [...violating, ...others]) {
    victims.delete(candidate);
    if (!rejectionWithout([...victims])) continue;
    victims.add(candidate);
    if (violating.includes(candidate)) budgetViolations += 1;
  }
  return { node, victims: [...victims].sort(byImportance), budgetViolations };
};

const splitByBudgets = (
  pods: readonly PodInfo[],
  budgets: readonly Stored<PodDisruptionBudget>[],
): { violating: readonly PodInfo[]; others: readonly PodInfo[] } => {
  const left = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const pod of pods) {
    let violates = false;
    for (const budget of budgets) {
      const { selector } = budget.spec ?? {};
      if (budget.metadata.namespace !== pod.namespace || !selector || !selectorFromObject(selector).matches(pod.labels)) continue;
      if (budget.status?.disruptedPods?.[pod.pod.metadata.name ?? ''] !== undefined) continue;
      const allowed = (left.get(budget) ?? 0) - 1;
      left.set(budget, allowed);
      if (allowed < 0) violates = true;
    }
    (violates ? violating : others).push(pod);
  }
  return { violating, others };
};

/** Higher priority first, then who has run longer. */
const byImportance = (a: PodInfo, b: PodInfo): number =>
  b.priority - a.priority || (startOf(a) < startOf(b) ? -1 : startOf(a) > startOf(b) ? 1 : 0);

const startOf = (pod: PodInfo): string => pod.pod.status?.startTime ?? pod.pod.metadata.creationTimestamp ?? '';

/** Smaller is better, compared one after the other. */
const costsOf = ({ victims, budgetViolations }: Candidate): number[] => [
  budgetViolations,
  victims[0]?.priority ?? 0,
  victims.reduce((sum, victim) => sum + victim.priority + LOWEST_PRIORITY, 0),
  victims.length,
  -Date.parse(
    victims
      .filter((victim) => victim.priority === victims[0]?.priority)
      .map(startOf)
      .sort()[0] ?? '',
  ) || 0,
];

const pickBest = (candidates: readonly Candidate[]): Candidate | undefined => {
  let best: { candidate: Candidate; costs: number[] } | undefined;
  for (const candidate of candidates) {
    const costs = costsOf(candidate);
    if (!best || isLess(costs, best.costs)) best = { candidate, costs };
  }
  return best?.candidate;
};

const isLess = (a: readonly number[], b: readonly number[]): boolean => {
  for (let index = 0; index < a.length; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
};
