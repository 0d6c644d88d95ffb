import type { KubeObject } from '../../api/meta/object.ts';
import { selectorFromObject } from '../../api/meta/selector.ts';
import { internalError, notFound, statusError } from '../../api/meta/status.ts';
import { podDisruptionBudget } from '../../api/policy/pod-disruption-budget.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts';
import { rawBody } from '../registry/body.ts';
import { type Answer, type ApiCall, writeOptionsOf } from '../registry/call.ts';
import { checkPreconditions } from '../registry/delete.ts';
import { nameMismatch, type Registry } from '../registry/registry.ts';
import { isMismatch, writeError } from '../registry/store-errors.ts';
import type { CachedItem } from '../watch/watch-cache.ts';

interface Eviction {
  metadata?: { name?: string };
  deleteOptions?: Record<string, unknown> | null;
}

const TRIES = 20;

/** Deletes a pod unless a disruption budget forbids it now. Answers 429 then, so that drains come back. */
export const createEvictionHandler =
  (registry: Registry) =>
  async (call: ApiCall): Promise<Answer> => {
    const { kind, info } = call;
    const options = writeOptionsOf(call, 'CreateOptions');
    const eviction = (rawBody(call.body, { kind: 'Eviction' }) ?? {}) as Eviction;
    if (eviction.metadata?.name && eviction.metadata.name !== info.name) throw nameMismatch(eviction.metadata.name, info.name);
    const item = await registry.cacheOf(kind).get(registry.targetOf(call));
    if (!item) throw notFound(kind, info.name);
    const target = item.object as KubeObject & Pod;
    const deleteOptions: Record<string, unknown> = {
      ...eviction.deleteOptions,
      ...(options.dryRun ? { dryRun: ['All'] } : {}),
    };
    const dryRun = options.dryRun || Array.isArray(deleteOptions['dryRun']);
    if (!mayIgnoreBudget(target)) await spendBudget(registry, item, { dryRun });
    if (!dryRun) await tellEvicted(registry, call, deleteOptions);
    await registry.delete({
      ...call,
      info: { ...info, verb: 'delete', subresource: '' },
      body: { contentType: 'application/json', value: deleteOptions },
    });
    return {
      type: 'object',
      code: 201,
      kind: undefined,
      object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 },
    };
  };

/** The pod says itself why it ends: a Job, for one, may not count it as a failure. */
const tellEvicted = async (registry: Registry, { kind, info }: ApiCall, deleteOptions: Record<string, unknown>): Promise<void> => {
  const pods = registry.cacheOf(kind);
  const preconditions = deleteOptions['preconditions'] as { uid?: string; resourceVersion?: string } | undefined;
  for (let attempt = 1; ; attempt++) {
    const item = await pods.get({ namespace: info.namespace, name: info.name });
    if (!item) throw notFound(kind, info.name);
    checkPreconditions(kind, item, { preconditions });
    const next = item.parse() as KubeObject & Pod;
    const conditions = next.status?.conditions ?? [];
    if (conditions.some(({ type, reason, status }) => type === DISRUPTION.type && reason === DISRUPTION.reason && status === 'True'))
      return;
    const lastTransitionTime = secondsText(registry.parts.now());
    next.status = {
      ...next.status,
      conditions: [
        ...conditions.filter(({ type }) => type !== DISRUPTION.type),
        { ...DISRUPTION, lastProbeTime: null as unknown as string, lastTransitionTime },
      ],
    };
    try {
      const { revision } = await pods.update(item, next);
      if (preconditions?.resourceVersion) deleteOptions['preconditions'] = { ...preconditions, resourceVersion: String(revision) };
      return;
    } catch (error) {
      if (!isMismatch(error) || attempt >= TRIES) throw writeError(kind, info.name, error);
    }
  }
};

const DISRUPTION = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'EvictionByEvictionAPI',
  message: 'Eviction API: evicting',
};

const secondsText = (now: number): string => new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');

const mayIgnoreBudget = (target: KubeObject & Pod): boolean =>
  target.status?.phase === 'Succeeded' ||
  target.status?.phase === 'Failed' ||
  target.status?.phase === 'Pending' ||
  target.metadata.deletionTimestamp !== undefined;

type Budget = KubeObject & PodDisruptionBudget;

const spendBudget = async (registry: Registry, item: CachedItem, { dryRun }: { dryRun: boolean }): Promise<void> => {
  const budgets = registry.cacheOf(podDisruptionBudget);
  for (let attempt = 1; ; attempt++) {
    const { items } = await budgets.list({ namespace: item.namespace });
    const matching = items.filter((one) => {
      const { spec } = one.object as Budget;
      return selectorFromObject(spec?.selector).matches(item.labels);
    });
    if (matching.length === 0) return;
    if (matching.length > 1)
      throw internalError('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
    const budget = matching[0] as CachedItem;
    const next = budget.parse() as Budget;
    if (isUnready(item) && healthyEnough(next)) return;
    takeOne(next, item.name, registry.parts.now());
    if (dryRun) return;
    try {
      await budgets.update(budget, next);
      return;
    } catch (error) {
      if (!isMismatch(error) || attempt >= TRIES) throw error;
    }
  }
};

const isUnready = (item: CachedItem): boolean =>
  !(item.object as KubeObject & Pod).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');

/** Pods that do not run well may go: always where the budget says so, otherwise while enough others are healthy. */
const healthyEnough = (budget: Budget): boolean => {
  if (budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? ({} as NonNullable<Budget['status']>);
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
};

const takeOne = (budget: Budget, podName: string, now: number): void => {
  const { status } = budget;
  const name = budget.metadata.name ?? '';
  if (!status || (status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0))
    throw tooManyDisruptions(10, `The disruption budget ${name} is still being processed by the server.`);
  const allowed = status.disruptionsAllowed ?? 0;
  if (allowed <= 0)
    throw tooManyDisruptions(
      0,
      `The disruption budget ${name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`,
    );
  budget.status = {
    ...status,
    disruptionsAllowed: allowed - 1,
    disruptedPods: { ...status.disruptedPods, [podName]: secondsText(now) },
  };
};

const tooManyDisruptions = (retryAfterSeconds: number, why: string) =>
  statusError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: why }],
    ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
  });
