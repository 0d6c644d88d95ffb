import type { Stored } from '../../api/meta/object.ts';
import type { Job, JobCondition, JobStatus } from '../../api/types/batch-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { isPodReady, podCondition, rfc3339 } from '../pods.ts';
import { formatIndexes, indexOf, isIndexed, judgeFailure, msToRetry, parseIndexes } from './job-decide.ts';
import { countsAfter, failsIndex, hasLimitPerIndex, lastFailedByIndex, matchSuccessPolicy } from './job-indexes.ts';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';

/** Where a job stands, from its status and its pods. */
export interface JobProgress {
  active: Stored<Pod>[];
  terminating: number;
  succeeded: number;
  failed: number;
  /** Finished and still to be written into the status before their finalizer goes. */
  newSucceeded: string[];
  newFailed: string[];
  /** In the status already, with a finalizer to take off. */
  toRelease: Stored<Pod>[];
  completedIndexes: Set<number>;
  failedIndexes: Set<number>;
  /** With a limit for each index: the failed pod that the next one of the index is counted from. */
  lastFailed: ReadonlyMap<number, Stored<Pod>>;
  /** Counted for good now: their pods have lost their finalizers. */
  settledSucceeded: number;
  settledFailed: number;
  uncounted: { succeeded: string[]; failed: string[] };
  failJob: string | undefined;
  /** Wait so long before a new pod. */
  retryMs: number;
}

export const hasTracking = (pod: Stored<Pod>): boolean => (pod.metadata.finalizers ?? []).includes(TRACKING_FINALIZER);

const isSucceeded = (pod: Stored<Pod>): boolean => pod.status?.phase === 'Succeeded';

/** Upstream: a pod that is being deleted has failed, unless only failed ones are to be replaced. */
const isFailed = (pod: Stored<Pod>, onlyFailed: boolean): boolean =>
  pod.status?.phase === 'Failed' || (!onlyFailed && pod.metadata.deletionTimestamp !== undefined && !isSucceeded(pod));

/** With a limit for each index, a failed pod is kept until the next one carries its count, unless the job `isEnding`. */
export const progressOf = (
  job: Stored<Job>,
  pods: readonly Stored<Pod>[],
  { now, isEnding = false }: { now: number; isEnding?: boolean },
): JobProgress => {
  const onlyFailed = job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;
  const { succeeded: oldSucceeded = [], failed: oldFailed = [] } = job.status?.uncountedTerminatedPods ?? {};
  const tracked = new Map(pods.filter(hasTracking).map((pod) => [pod.metadata.uid ?? '', pod]));
  const pending = (uids: readonly string[]): string[] => uids.filter((uid) => tracked.has(uid));
  const uncounted = { succeeded: pending(oldSucceeded), failed: pending(oldFailed) };
  const known = new Set([...oldSucceeded, ...oldFailed]);
  const completedIndexes = new Set(parseIndexes(job.status?.completedIndexes));
  const failedIndexes = new Set(parseIndexes(job.status?.failedIndexes));
  const active = pods.filter((pod) => !pod.metadata.deletionTimestamp && pod.status?.phase !== 'Failed' && !isSucceeded(pod));
  const failedPods = [...tracked.values()].filter((pod) => isFailed(pod, onlyFailed));
  const newSucceeded = [...tracked].filter(([uid, pod]) => !known.has(uid) && isSucceeded(pod)).map(([uid]) => uid);
  if (isIndexed(job)) for (const pod of tracked.values()) if (isSucceeded(pod) && indexOf(pod) >= 0) completedIndexes.add(indexOf(pod));
  for (const pod of failedPods) if (indexOf(pod) >= 0 && failsIndex(job, pod)) failedIndexes.add(indexOf(pod));
  const lastFailed = hasLimitPerIndex(job) ? lastFailedByIndex(failedPods) : new Map<number, Stored<Pod>>();
  const settled = new Set([...completedIndexes, ...failedIndexes, ...active.map(indexOf)]);
  const newFailed: string[] = [];
  const ignored: string[] = [];
  let failJob: string | undefined;
  for (const pod of failedPods) {
    const { uid = '' } = pod.metadata;
    if (known.has(uid)) continue;
    const verdict = judgeFailure(job, pod);
    if (verdict.kind === 'fail-job') failJob ??= verdict.message;
    const isKept = !isEnding && lastFailed.get(indexOf(pod)) === pod && !settled.has(indexOf(pod));
    if (isKept) continue;
    if (verdict.kind === 'ignore') ignored.push(uid);
    else newFailed.push(uid);
  }
  const settledSucceeded = oldSucceeded.length - uncounted.succeeded.length;
  const settledFailed = oldFailed.length - uncounted.failed.length;
  const released = new Set([...uncounted.succeeded, ...uncounted.failed, ...newSucceeded, ...newFailed, ...ignored]);
  return {
    active,
    terminating: pods.filter((pod) => pod.metadata.deletionTimestamp && pod.status?.phase !== 'Failed' && !isSucceeded(pod)).length,
    succeeded: isIndexed(job) ? completedIndexes.size : (job.status?.succeeded ?? 0) + oldSucceeded.length + newSucceeded.length,
    failed: (job.status?.failed ?? 0) + oldFailed.length + newFailed.length,
    newSucceeded,
    newFailed,
    toRelease: [...tracked].filter(([uid]) => released.has(uid)).map(([, pod]) => pod),
    completedIndexes,
    failedIndexes,
    lastFailed,
    settledSucceeded,
    settledFailed,
    uncounted,
    failJob,
    retryMs: hasLimitPerIndex(job) ? 0 : retryMsOf(pods, now),
  };
};

const finishedAt = (pod: Stored<Pod>): number => {
  const times = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].map((status) =>
    Date.parse(status.state?.terminated?.finishedAt ?? ''),
  );
  times.push(Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? ''), Date.parse(pod.metadata.deletionTimestamp ?? ''));
  const known = times.filter((time) => !Number.isNaN(time));
  return known.length > 0 ? Math.max(...known) : Date.parse(pod.metadata.creationTimestamp ?? '');
};

const retryMsOf = (pods: readonly Stored<Pod>[], now: number): number => {
  const lastSuccess = Math.max(0, ...pods.filter(isSucceeded).map(finishedAt));
  const failures = pods
    .filter((pod) => pod.status?.phase === 'Failed')
    .map(finishedAt)
    .filter((at) => at > lastSuccess);
  return msToRetry(failures.length, failures.length > 0 ? Math.max(...failures) : undefined, now);
};

/** How long the index of a failed pod waits for its next one. */
export const retryMsOfIndex = (job: Stored<Job>, failed: Stored<Pod> | undefined, now: number): number => {
  if (!failed) return 0;
  const { counted, ignored } = countsAfter(job, failed);
  return msToRetry(counted + ignored, finishedAt(failed), now);
};

/** Containers that are started again in their pods count too. */
const hasRestartedTooOften = (job: Stored<Job>, progress: JobProgress): boolean => {
  const { backoffLimit = 6, template } = job.spec ?? {};
  if (template?.spec?.restartPolicy !== 'OnFailure') return false;
  const statuses = progress.active.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
};

/** The status with what is known now; without conditions of the end. */
export const statusOf = (job: Stored<Job>, progress: JobProgress, now: number): JobStatus => {
  const { status = {} } = job;
  const uncounted = {
    succeeded: [...progress.uncounted.succeeded, ...progress.newSucceeded],
    failed: [...progress.uncounted.failed, ...progress.newFailed],
  };
  const succeeded = isIndexed(job) ? progress.completedIndexes.size : (status.succeeded ?? 0) + progress.settledSucceeded;
  const failed = (status.failed ?? 0) + progress.settledFailed;
  const startTime = job.spec?.suspend ? undefined : (status.startTime ?? rfc3339(now));
  return {
    ...(startTime ? { startTime } : {}),
    ...(progress.active.length > 0 ? { active: progress.active.length } : {}),
    ready: progress.active.filter(isPodReady).length,
    terminating: progress.terminating,
    ...(succeeded > 0 ? { succeeded } : {}),
    ...(failed > 0 ? { failed } : {}),
    ...(isIndexed(job) && progress.completedIndexes.size > 0 ? { completedIndexes: formatIndexes(progress.completedIndexes) } : {}),
    ...(job.spec?.backoffLimitPerIndex === undefined ? {} : { failedIndexes: formatIndexes(progress.failedIndexes) }),
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length > 0 ? { succeeded: uncounted.succeeded } : {}),
      ...(uncounted.failed.length > 0 ? { failed: uncounted.failed } : {}),
    },
    ...(status.conditions ? { conditions: status.conditions } : {}),
    ...(status.completionTime ? { completionTime: status.completionTime } : {}),
  };
};

export type Ending = Pick<JobCondition, 'type' | 'reason' | 'message'> & { type: 'Complete' | 'Failed' };

/** Whether the job is over, and how; the first sign of it stays. */
export const endingOf = (job: Stored<Job>, progress: JobProgress, now: number): Ending | undefined => {
  const told = job.status?.conditions?.find(
    ({ type, status }) => status === 'True' && (type === 'SuccessCriteriaMet' || type === 'FailureTarget'),
  );
  if (told) return { type: told.type === 'FailureTarget' ? 'Failed' : 'Complete', reason: told.reason, message: told.message };
  if (progress.failJob) return { type: 'Failed', reason: 'PodFailurePolicy', message: progress.failJob };
  const { completions, backoffLimit = 6, activeDeadlineSeconds, maxFailedIndexes } = job.spec ?? {};
  if (progress.failed > backoffLimit || hasRestartedTooOften(job, progress))
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  const startedAt = Date.parse(job.status?.startTime ?? '');
  if (activeDeadlineSeconds !== undefined && !job.spec?.suspend && startedAt + activeDeadlineSeconds * 1000 <= now)
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  if (maxFailedIndexes !== undefined && progress.failedIndexes.size > maxFailedIndexes)
    return {
      type: 'Failed',
      reason: 'MaxFailedIndexesExceeded',
      message: 'Job has exceeded the specified maximal number of failed indexes',
    };
  if (
    isIndexed(job) &&
    progress.failedIndexes.size > 0 &&
    progress.failedIndexes.size + progress.completedIndexes.size >= (completions ?? 0)
  )
    return { type: 'Failed', reason: 'FailedIndexes', message: 'Job has failed indexes' };
  const matched = isIndexed(job) ? matchSuccessPolicy(job, progress.completedIndexes) : undefined;
  if (matched !== undefined) return { type: 'Complete', reason: 'SuccessPolicy', message: matched };
  const isDone = completions === undefined ? progress.succeeded > 0 && progress.active.length === 0 : progress.succeeded >= completions;
  return isDone ? { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
};
