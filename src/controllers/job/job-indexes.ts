import type { Stored } from '../../api/meta/object.ts';
import type { Job } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { indexOf, isIndexed, judgeFailure, parseIndexes } from './job-decide.ts';

/** On a pod: how many pods of its index have failed before it, those that count and those that the failure policy ignores. */
export const FAILURE_COUNT = 'batch.kubernetes.io/job-index-failure-count';
export const IGNORED_COUNT = 'batch.kubernetes.io/job-index-ignored-failure-count';

export const hasLimitPerIndex = (job: Job): boolean => isIndexed(job) && typeof job.spec?.backoffLimitPerIndex === 'number';

const annotated = (pod: Stored<Pod>, name: string): number => Number(pod.metadata.annotations?.[name] ?? 0) || 0;

/** Whether this failure is the last that its index may have. */
export const failsIndex = (job: Job, pod: Stored<Pod>): boolean => {
  const verdict = judgeFailure(job, pod);
  if (verdict.kind === 'fail-index') return true;
  return verdict.kind === 'count' && hasLimitPerIndex(job) && annotated(pod, FAILURE_COUNT) >= (job.spec?.backoffLimitPerIndex ?? 0);
};

/** The counts that the pod after a failed one carries. */
export const countsAfter = (job: Job, failed: Stored<Pod> | undefined): { counted: number; ignored: number } => {
  if (!failed) return { counted: 0, ignored: 0 };
  const counts = { counted: annotated(failed, FAILURE_COUNT), ignored: annotated(failed, IGNORED_COUNT) };
  if (judgeFailure(job, failed).kind === 'ignore') counts.ignored += 1;
  else counts.counted += 1;
  return counts;
};

/** The failed pod of each index that the next one is counted from. */
export const lastFailedByIndex = (failed: readonly Stored<Pod>[]): Map<number, Stored<Pod>> => {
  const total = (pod: Stored<Pod>): number => annotated(pod, FAILURE_COUNT) + annotated(pod, IGNORED_COUNT);
  const last = new Map<number, Stored<Pod>>();
  for (const pod of failed) {
    const index = indexOf(pod);
    const known = last.get(index);
    if (index >= 0 && (!known || total(pod) > total(known))) last.set(index, pod);
  }
  return last;
};

/** Which rule of the success policy holds; undefined while none does. */
export const matchSuccessPolicy = (job: Job, completed: ReadonlySet<number>): string | undefined => {
  const rules = job.spec?.successPolicy?.rules ?? [];
  const position = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && completed.size >= succeededCount;
    const named = parseIndexes(succeededIndexes);
    const there = named.filter((index) => completed.has(index)).length;
    return named.length > 0 && (there === named.length || (succeededCount !== undefined && there >= succeededCount));
  });
  return position >= 0 && completed.size > 0 ? `Matched rules at index ${position}` : undefined;
};
