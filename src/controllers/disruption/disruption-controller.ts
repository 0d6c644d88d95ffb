import { deployment as deployments } from '../../api/apps/deployment.ts';
import { replicaSet as replicaSets } from '../../api/apps/replica-set.ts';
import { statefulSet as statefulSets } from '../../api/apps/stateful-set.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { replicationController as replicationControllers } from '../../api/core/replication-controller.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type ResourceName, type Stored } from '../../api/meta/object.ts';
import { podDisruptionBudget as budgets } from '../../api/policy/pod-disruption-budget.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/types/policy-v1.ts';
import { type Controller, type ControllerContext, watchOf } from '../controller.ts';
import { intOrPercent } from '../int-or-percent.ts';
import { selects } from '../label-selector.ts';
import { controllerRefOf, isPodFinished, isPodReady, rfc3339 } from '../pods.ts';

/** Keeps count of how many pods of each budget may be evicted now; the eviction subresource reads it. */
export const disruptionController: Controller = {
  name: 'disruption',
  serviceAccount: 'disruption-controller',
  build: (context) => {
    const allBudgets = context.informers.of<PodDisruptionBudget>(budgets);
    const allPods = context.informers.of<Pod>(pods);
    allBudgets.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
    allPods.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
    const sizeOf = sizesOf(context);
    return {
      watches: [
        watchOf(allBudgets, (budget) => [keyOf(budget)]),
        watchOf(allPods, ({ metadata }) =>
          allBudgets
            .byIndex('namespace', metadata.namespace ?? '')
            .filter((budget) => selects(budget.spec?.selector, metadata.labels))
            .map(keyOf),
        ),
      ],
      sync: async (key) => {
        const budget = allBudgets.get(key);
        if (!budget || budget.metadata.deletionTimestamp) return undefined;
        const matching = allPods
          .byIndex('namespace', budget.metadata.namespace ?? '')
          .filter((pod) => selects(budget.spec?.selector, pod.metadata.labels) && !isPodFinished(pod));
        const status = budgetStatus({ budget, pods: matching, expected: sizeOf(matching), now: context.now() });
        if (!semanticEqual(status, budget.status)) await context.client.update(budgets, { ...budget, status }, { subresource: 'status' });
        // An eviction that did not happen is forgotten after a while.
        return { requeueAfterMs: Object.keys(status.disruptedPods ?? {}).length > 0 ? DISRUPTION_MEMORY_MS : undefined };
      },
    };
  },
};

const DISRUPTION_MEMORY_MS = 120_000;

export const budgetStatus = (input: {
  budget: Stored<PodDisruptionBudget>;
  pods: readonly Stored<Pod>[];
  /** How many pods their owners want, all together. */
  expected: number;
  now: number;
}): PodDisruptionBudgetStatus => {
  const { budget, pods: matching, now } = input;
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const disruptedPods = Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([name, time]) =>
        Date.parse(time) + DISRUPTION_MEMORY_MS > now &&
        matching.some(({ metadata }) => metadata.name === name && !metadata.deletionTimestamp),
    ),
  );
  const isHealthy = (pod: Stored<Pod>): boolean =>
    isPodReady(pod) && !pod.metadata.deletionTimestamp && !((pod.metadata.name ?? '') in disruptedPods);
  const currentHealthy = matching.filter(isHealthy).length;
  const expectedPods = maxUnavailable === undefined && typeof minAvailable === 'number' ? matching.length : input.expected;
  const desiredHealthy =
    maxUnavailable !== undefined
      ? Math.max(0, expectedPods - intOrPercent(maxUnavailable, expectedPods, 'up'))
      : intOrPercent(minAvailable, expectedPods, 'up');
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const before = budget.status?.conditions?.find(({ type }) => type === 'DisruptionAllowed');
  const isAllowed = disruptionsAllowed > 0;
  const status = isAllowed ? 'True' : 'False';
  const condition = {
    type: 'DisruptionAllowed',
    status,
    reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: budget.metadata.generation,
    lastTransitionTime: before?.status === status ? before.lastTransitionTime : rfc3339(now),
  };
  const others = (budget.status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionAllowed');
  return {
    observedGeneration: budget.metadata.generation,
    ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed,
    conditions: [...others, condition],
  };
};

/** The sizes that the owners of pods want; a pod without owner counts for itself. */
const sizesOf = (context: ControllerContext): ((matching: readonly Stored<Pod>[]) => number) => {
  type Sized = { spec?: { replicas?: number } };
  const informer = (resource: ResourceName) => context.informers.of<Sized>(resource);
  const byKind: Record<string, ReturnType<typeof informer>> = {
    ReplicaSet: informer(replicaSets),
    StatefulSet: informer(statefulSets),
    ReplicationController: informer(replicationControllers),
    Deployment: informer(deployments),
  };
  return (matching) => {
    const owners = new Map<string, number>();
    for (const pod of matching) {
      const own = controllerRefOf(pod);
      const { namespace, uid = '' } = pod.metadata;
      const owner = own && byKind[own.kind]?.get(`${namespace}/${own.name}`);
      if (!own || !owner) {
        owners.set(uid, 1);
        continue;
      }
      const above = controllerRefOf(owner);
      const top = above ? byKind[above.kind]?.get(`${namespace}/${above.name}`) : undefined;
      owners.set(above && top ? above.uid : own.uid, (top ?? owner).spec?.replicas ?? 1);
    }
    return [...owners.values()].reduce((total, size) => total + size, 0);
  };
};
