import type { Stored } from '../../api/meta/object.ts';
import type { CronJob, Job } from '../../api/types/batch-v1.ts';
import type { CronSchedule } from './cron-schedule.ts';

export interface Due {
  /** The newest time that should have had its Job and has none. */
  scheduledAt: number | undefined;
  /** When to look again. */
  nextAt: number | undefined;
  /** More than a hundred times were missed: clocks may be wrong. */
  tooManyMissed: boolean;
}

/** Which run is due; only the newest of those that were missed. */
export const dueRun = (cronJob: Stored<CronJob>, schedule: CronSchedule, now: number): Due => {
  const { startingDeadlineSeconds } = cronJob.spec ?? {};
  const last = Date.parse(cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? '');
  const earliest = startingDeadlineSeconds === undefined ? last : Math.max(last, now - startingDeadlineSeconds * 1000);
  const nextAt = schedule.next(now);
  // A narrow window first: a schedule of every minute that slept for a year is not counted through.
  for (const window of [3_600_000, 86_400_000, 35 * 86_400_000, 5 * 366 * 86_400_000]) {
    const from = Math.max(earliest, now - window);
    let scheduledAt: number | undefined;
    let count = 0;
    for (let at = schedule.next(from); at !== undefined && at <= now; at = schedule.next(at)) {
      scheduledAt = at;
      count += 1;
    }
    if (scheduledAt !== undefined || from === earliest) return { scheduledAt, nextAt, tooManyMissed: count > 100 };
  }
  return { scheduledAt: undefined, nextAt, tooManyMissed: false };
};

export const endOf = (job: Job): 'Complete' | 'Failed' | undefined => {
  const end = job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
  return end?.type as 'Complete' | 'Failed' | undefined;
};

/** Finished Jobs beyond the limits, oldest first. */
export const jobsToForget = (cronJob: CronJob, owned: readonly Stored<Job>[]): Stored<Job>[] => {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cronJob.spec ?? {};
  const beyond = (end: 'Complete' | 'Failed', limit: number): Stored<Job>[] => {
    const ended = owned.filter((job) => endOf(job) === end);
    const startOf = (job: Stored<Job>): number => Date.parse(job.status?.startTime ?? job.metadata.creationTimestamp ?? '');
    return ended.sort((a, b) => startOf(a) - startOf(b)).slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond('Complete', successfulJobsHistoryLimit), ...beyond('Failed', failedJobsHistoryLimit)];
};
