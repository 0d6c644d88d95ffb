import { job as jobs } from '../../api/batch/job.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { hasReason, isNotFound } from '../../api/meta/status.ts';
import type { Job } from '../../api/types/batch-v1.ts';
import { type Controller, watchOf } from '../controller.ts';

/** Finished Jobs go when their time is over, and their pods with them. */
export const ttlAfterFinishedController: Controller = {
  name: 'ttl-after-finished',
  serviceAccount: 'ttl-after-finished-controller',
  build: ({ client, informers, now }) => {
    const all = informers.of<Job>(jobs);
    return {
      watches: [watchOf(all, (job) => (expiryOf(job) === undefined ? [] : [keyOf(job)]))],
      sync: async (key) => {
        const cached = all.get(key);
        const { namespace, name = '' } = cached?.metadata ?? {};
        const left = cached && msLeft(cached, now());
        if (!cached || left === undefined) return undefined;
        if (left > 0) return { requeueAfterMs: left };
        // The time may have been prolonged just now.
        const live = await client.get<Stored<Job>>(jobs, { namespace, name }).catch(() => undefined);
        if (!live || live.metadata.uid !== cached.metadata.uid || msLeft(live, now()) !== 0) return undefined;
        const { uid, resourceVersion } = live.metadata;
        await client
          .delete(jobs, { namespace, name }, { preconditions: { uid, resourceVersion }, propagationPolicy: 'Foreground' })
          .catch((error: unknown) => {
            if (!isNotFound(error) && !hasReason(error, 'Conflict')) throw error;
          });
        return undefined;
      },
    };
  },
};

/** When a finished Job with a time limit is due, in milliseconds since the epoch. */
export const expiryOf = (job: Stored<Job>): number | undefined => {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  if (ttl === undefined || job.metadata.deletionTimestamp) return undefined;
  const end = job.status?.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True');
  const at = Date.parse(end?.lastTransitionTime ?? '');
  return Number.isNaN(at) ? undefined : at + ttl * 1000;
};

const msLeft = (job: Stored<Job>, now: number): number | undefined => {
  const expiry = expiryOf(job);
  return expiry === undefined ? undefined : Math.max(0, expiry - now);
};
