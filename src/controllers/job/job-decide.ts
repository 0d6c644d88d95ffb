import type { Stored } from '../../api/meta/object.ts';
import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';

export const INDEX_ANNOTATION = 'batch.kubernetes.io/job-completion-index';

export const isIndexed = (job: Job): boolean => job.spec?.completionMode === 'Indexed';

export const isJobFinished = (job: Job): boolean =>
  (job.status?.conditions ?? []).some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');

export const indexOf = (pod: Stored<Pod>): number => {
  const text = pod.metadata.annotations?.[INDEX_ANNOTATION];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : -1;
};

/** `1,3-5` -> [1, 3, 4, 5]. */
export const parseIndexes = (text: string | undefined): number[] =>
  (text ?? '').split(',').flatMap((part) => {
    const [from = '', to = from] = part.split('-');
    if (!/^\d+$/.test(from) || !/^\d+$/.test(to)) return [];
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, offset) => Number(from) + offset);
  });

/** Three and more in a row are written as a range, as upstream does. */
export const formatIndexes = (indexes: Iterable<number>): string => {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
    const [from, to] = [sorted[start], sorted[end]];
    parts.push(end === start ? `${from}` : end === start + 1 ? `${from},${to}` : `${from}-${to}`);
    start = end + 1;
  }
  return parts.join(',');
};

export type PodVerdict = { kind: 'count' } | { kind: 'ignore' } | { kind: 'fail-job'; message: string } | { kind: 'fail-index' };

/** What the job's podFailurePolicy says of a failed pod; the first rule that matches. */
export const judgeFailure = (job: Job, pod: Stored<Pod>): PodVerdict => {
  const rules = job.spec?.podFailurePolicy?.rules ?? [];
  for (const [position, rule] of rules.entries()) {
    const reason = matchOf(rule, pod);
    if (reason === undefined) continue;
    if (rule.action === 'Ignore') return { kind: 'ignore' };
    if (rule.action === 'FailIndex') return { kind: 'fail-index' };
    if (rule.action === 'FailJob') return { kind: 'fail-job', message: `${reason} matching FailJob rule at index ${position}` };
    return { kind: 'count' };
  }
  return { kind: 'count' };
};

type Rule = NonNullable<NonNullable<NonNullable<Job['spec']>['podFailurePolicy']>['rules']>[number];

const matchOf = (rule: Rule, pod: Stored<Pod>): string | undefined => {
  const { namespace, name } = pod.metadata;
  if (rule.onExitCodes) {
    const { containerName, operator, values } = rule.onExitCodes;
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    for (const status of statuses) {
      const exitCode = status.state?.terminated?.exitCode;
      if (exitCode === undefined || exitCode === 0 || (containerName && status.name !== containerName)) continue;
      if (values.includes(exitCode) === (operator === 'In'))
        return `Container ${status.name} for pod ${namespace}/${name} failed with exit code ${exitCode}`;
    }
    return undefined;
  }
  const hit = (rule.onPodConditions ?? []).find((pattern) =>
    pod.status?.conditions?.some(({ type, status }) => type === pattern.type && status === (pattern.status ?? 'True')),
  );
  return hit ? `Pod ${namespace}/${name} has condition ${hit.type}` : undefined;
};

/** How many pods should be active now. */
export const wantedActive = (job: Job, state: { succeeded: number; active: number }): number => {
  const { parallelism = 1, completions, suspend } = job.spec ?? {};
  if (suspend) return 0;
  // Without a number of completions, one success means that the work is done, and no new pods start.
  if (completions === undefined) return state.succeeded > 0 ? state.active : parallelism;
  return Math.min(parallelism, Math.max(0, completions - state.succeeded));
};

/** How long after failures the next pod may start: 10 s, 20 s, ... up to 10 min after the last failure. */
export const msToRetry = (failures: number, lastFailureAt: number | undefined, now: number): number => {
  if (failures === 0 || lastFailureAt === undefined) return 0;
  return Math.max(0, lastFailureAt + Math.min(10_000 * 2 ** Math.min(failures - 1, 20), 600_000) - now);
};
