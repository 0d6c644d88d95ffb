import { cronJob as cronJobs } from '../../api/batch/cron-job.ts';
import { job as jobs } from '../../api/batch/job.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../api/meta/status.ts';
import type { CronJob, CronJobStatus, Job } from '../../api/types/batch-v1.ts';
import type { ObjectReference } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { BY_CONTROLLER, indexByController } from '../claim-objects.ts';
import { type Controller, type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { controllerRefOf, controllerRefTo, rfc3339 } from '../pods.ts';
import { type CronSchedule, parseCron } from './cron-schedule.ts';
import { dueRun, endOf, jobsToForget } from './cronjob-decide.ts';

/** Makes Jobs when their time has come. */
export const cronJobController: Controller = {
  name: 'cronjob',
  serviceAccount: 'cronjob-controller',
  build: (context) => new CronJobReconciler(context),
};

type Owner = Stored<CronJob>;

class CronJobReconciler implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #cronJobs: InformerReads<CronJob>;
  readonly #jobs: InformerReads<Job>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#cronJobs = context.informers.of<CronJob>(cronJobs);
    this.#jobs = context.informers.of<Job>(jobs);
    indexByController(this.#jobs);
    this.watches = [
      watchOf(this.#cronJobs, (cronJob) => [keyOf(cronJob)]),
      watchOf(this.#jobs, (job) => {
        const owner = controllerRefOf(job);
        return owner?.kind === 'CronJob' ? [`${job.metadata.namespace}/${owner.name}`] : [];
      }),
    ];
  }

  async sync(key: string): Promise<SyncResult | undefined> {
    const cronJob = this.#cronJobs.get(key);
    if (!cronJob || cronJob.metadata.deletionTimestamp) return undefined;
    const owned = [...this.#jobs.byIndex(BY_CONTROLLER, cronJob.metadata.uid ?? '')];
    for (const job of jobsToForget(cronJob, owned)) await this.#deleteJob(cronJob, job, 'Deleted');
    const status = this.#statusOf(cronJob, owned);
    const schedule = this.#scheduleOf(cronJob);
    const run = schedule && !cronJob.spec?.suspend ? await this.#run(cronJob, schedule, owned, status) : undefined;
    const final = run?.status ?? status;
    if (!semanticEqual(final, cronJob.status))
      await this.#context.client.update(cronJobs, { ...cronJob, status: final }, { subresource: 'status' });
    return { requeueAfterMs: run?.nextAt === undefined ? undefined : Math.max(1, run.nextAt - this.#context.now() + 50) };
  }

  #scheduleOf(cronJob: Owner): CronSchedule | undefined {
    const { schedule = '', timeZone } = cronJob.spec ?? {};
    try {
      return parseCron(schedule, timeZone);
    } catch (error) {
      const message = `unparseable schedule: ${schedule} : ${(error as Error).message}`;
      this.#context.events.record(regarding(cronJobs, cronJob), 'Warning', 'UnparseableSchedule', message);
      return undefined;
    }
  }

  /** Those that run are active; those that ended leave the list. */
  #statusOf(cronJob: Owner, owned: readonly Stored<Job>[]): CronJobStatus {
    const { events } = this.#context;
    const about = regarding(cronJobs, cronJob);
    const known = cronJob.status?.active ?? [];
    const running = owned.filter((job) => endOf(job) === undefined);
    for (const job of owned)
      if (endOf(job) && known.some(({ uid }) => uid === job.metadata.uid))
        events.record(about, 'Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata.name}, condition: ${endOf(job)}`);
    const successes = owned
      .filter((job) => endOf(job) === 'Complete')
      .map((job) => job.status?.completionTime ?? '')
      .sort();
    const lastSuccessfulTime = [cronJob.status?.lastSuccessfulTime ?? '', ...successes].sort().at(-1);
    const active = running.map(referenceTo);
    return {
      ...(active.length > 0 ? { active } : {}),
      ...(cronJob.status?.lastScheduleTime ? { lastScheduleTime: cronJob.status.lastScheduleTime } : {}),
      ...(lastSuccessfulTime ? { lastSuccessfulTime } : {}),
    };
  }

  async #run(
    cronJob: Owner,
    schedule: CronSchedule,
    owned: readonly Stored<Job>[],
    status: CronJobStatus,
  ): Promise<{ status: CronJobStatus; nextAt: number | undefined }> {
    const { events, now } = this.#context;
    const about = regarding(cronJobs, cronJob);
    const { scheduledAt, nextAt, tooManyMissed } = dueRun(cronJob, schedule, now());
    if (tooManyMissed)
      events.record(
        about,
        'Warning',
        'TooManyMissedTimes',
        'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
      );
    if (scheduledAt === undefined) return { status, nextAt };
    const running = owned.filter((job) => endOf(job) === undefined);
    if (cronJob.spec?.concurrencyPolicy === 'Forbid' && running.length > 0) {
      events.record(
        about,
        'Normal',
        'JobAlreadyActive',
        'Not starting job because prior execution is running and concurrency policy is Forbid',
      );
      return { status, nextAt };
    }
    if (cronJob.spec?.concurrencyPolicy === 'Replace') for (const job of running) await this.#deleteJob(cronJob, job, 'Deleted');
    const job = await this.#createJob(cronJob, scheduledAt);
    const before = cronJob.spec?.concurrencyPolicy === 'Replace' ? [] : (status.active ?? []);
    const active = [...before.filter(({ uid }) => uid !== job.metadata.uid), referenceTo(job)];
    return { status: { ...status, active, lastScheduleTime: rfc3339(scheduledAt) }, nextAt };
  }

  /** The name says the time: two controllers, or one that forgot, make the same Job. */
  async #createJob(cronJob: Owner, scheduledAt: number): Promise<Stored<Job>> {
    const { client, events } = this.#context;
    const { namespace, name: cronName } = cronJob.metadata;
    const template = cronJob.spec?.jobTemplate;
    const name = `${cronName}-${Math.floor(scheduledAt / 60_000)}`;
    try {
      const created = await client.create<Stored<Job>>(jobs, {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: {
          namespace,
          name,
          labels: { ...template?.metadata?.labels },
          annotations: { ...template?.metadata?.annotations, 'batch.kubernetes.io/cronjob-scheduled-timestamp': rfc3339(scheduledAt) },
          ownerReferences: [controllerRefTo(cronJobs, cronJob)],
        },
        spec: template?.spec,
      });
      events.record(regarding(cronJobs, cronJob), 'Normal', 'SuccessfulCreate', `Created job ${name}`);
      return created;
    } catch (error) {
      if (isAlreadyExists(error)) {
        const existing = await client.get<Stored<Job>>(jobs, { namespace, name });
        if (controllerRefOf(existing)?.uid === cronJob.metadata.uid) return existing;
      }
      events.record(regarding(cronJobs, cronJob), 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
  }

  async #deleteJob(cronJob: Owner, job: Stored<Job>, verb: string): Promise<void> {
    const { client, events } = this.#context;
    const { namespace, name = '', uid } = job.metadata;
    try {
      await client.delete(jobs, { namespace, name }, { preconditions: { uid }, propagationPolicy: 'Background' });
      events.record(regarding(cronJobs, cronJob), 'Normal', 'SuccessfulDelete', `${verb} job ${name}`);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

const referenceTo = (job: Stored<Job>): ObjectReference => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  namespace: job.metadata.namespace,
  name: job.metadata.name,
  uid: job.metadata.uid,
  resourceVersion: job.metadata.resourceVersion,
});
