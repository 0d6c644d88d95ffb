import { job as jobs } from '../../api/batch/job.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { isConflict, isNotFound } from '../../api/meta/status.ts';
import type { Job, JobCondition, JobStatus } from '../../api/types/batch-v1.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { claimObjects, indexByController } from '../claim-objects.ts';
import { type Controller, type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { isNamespaceGoing } from '../namespace-going.ts';
import { PodControl } from '../pod-control.ts';
import { controllerRefOf, controllerRefTo, isPodFinished, nameWithSuffix, podFromTemplate, rfc3339 } from '../pods.ts';
import { INDEX_ANNOTATION, indexOf, isIndexed, isJobFinished, wantedActive } from './job-decide.ts';
import { countsAfter, FAILURE_COUNT, hasLimitPerIndex, IGNORED_COUNT } from './job-indexes.ts';
import {
  type Ending,
  endingOf,
  hasTracking,
  type JobProgress,
  progressOf,
  retryMsOfIndex,
  statusOf,
  TRACKING_FINALIZER,
} from './job-progress.ts';

/** Runs pods until enough of them have succeeded. Each is counted once: a finalizer holds it until the status knows it. */
export const jobController: Controller = {
  name: 'job',
  serviceAccount: 'job-controller',
  build: (context) => new JobReconciler(context),
};

type Owner = Stored<Job>;

class JobReconciler implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #jobs: InformerReads<Job>;
  readonly #pods: InformerReads<Pod>;
  readonly #control: PodControl;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#jobs = context.informers.of<Job>(jobs);
    this.#pods = context.informers.of<Pod>(pods);
    indexByController(this.#pods);
    this.#pods.addIndex('tracked by job', (pod) => (hasTracking(pod) ? jobOf(pod) : []));
    this.#control = new PodControl(context, this.#pods, 'Job');
    this.watches = [
      watchOf(this.#jobs, (job) => [keyOf(job)]),
      watchOf(this.#pods, jobOf),
      watchOf(this.#pods, (pod) => (isTrackedOrphan(pod) ? [`${ORPHAN}${keyOf(pod)}`] : [])),
    ];
  }

  async sync(key: string): Promise<SyncResult | undefined> {
    if (key.startsWith(ORPHAN)) {
      const pod = this.#pods.get(key.slice(ORPHAN.length));
      if (pod && isTrackedOrphan(pod)) await this.#release(pod);
      return undefined;
    }
    const job = this.#jobs.get(key);
    if (!job) {
      this.#control.forget(key);
      await Promise.all(this.#pods.byIndex('tracked by job', key).map((pod) => this.#release(pod)));
      return undefined;
    }
    if (job.spec?.managedBy && job.spec.managedBy !== 'kubernetes.io/job-controller') return undefined;
    const mayChange = this.#control.isCurrent(key);
    const claimed = await claimObjects({
      client: this.#context.client,
      resource: pods,
      informer: this.#pods,
      ownerResource: jobs,
      ownerKind: jobs,
      owner: job,
      selector: job.spec?.selector,
      finalizer: TRACKING_FINALIZER,
    });
    if (isJobFinished(job)) {
      await Promise.all(claimed.filter(hasTracking).map((pod) => this.#release(pod)));
      return undefined;
    }
    const now = this.#context.now();
    const progressNow = progressOf(job, claimed, { now });
    const ending = endingOf(job, progressNow, now);
    const progress = ending || job.metadata.deletionTimestamp ? progressOf(job, claimed, { now, isEnding: true }) : progressNow;
    const status = this.#conclude(job, progress, ending, statusOf(job, progress, now));
    const isNews = !semanticEqual(status, job.status);
    if (isNews) {
      await this.#context.client.update(jobs, { ...job, status }, { subresource: 'status' });
      this.#tell(job, status);
    }
    // Only what the status knows may lose its finalizer.
    await Promise.all(progress.toRelease.map((pod) => this.#release(pod)));
    if (!mayChange || job.metadata.deletionTimestamp) return undefined;
    if (ending || job.spec?.suspend) {
      await this.#deleteAll(key, job, progress.active);
      return undefined;
    }
    return this.#adjust(key, job, claimed, progress);
  }

  /** Adds what the status says of the end: first that it is near, and when all pods are counted, that it is there. */
  #conclude(job: Owner, progress: JobProgress, ending: Ending | undefined, status: JobStatus): JobStatus {
    const now = this.#context.now();
    let conditions = suspension(status.conditions ?? [], job, now);
    if (ending) {
      const interim = ending.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
      conditions = withTrue(conditions, { ...ending, type: interim }, now);
      const isQuiet =
        progress.active.length === 0 &&
        progress.terminating === 0 &&
        progress.toRelease.length === 0 &&
        semanticEqual(status.uncountedTerminatedPods, {});
      if (isQuiet) conditions = withTrue(conditions, ending, now);
    }
    const isOver = conditions.some(({ type }) => type === 'Complete');
    return {
      ...status,
      ...(conditions.length > 0 ? { conditions } : {}),
      ...(isOver ? { completionTime: rfc3339(now) } : {}),
    };
  }

  #tell(job: Owner, status: JobStatus): void {
    const isNew = (type: string): boolean =>
      (status.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True') &&
      !(job.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');
    const { events } = this.#context;
    const about = regarding(jobs, job);
    if (isNew('Complete')) events.record(about, 'Normal', 'Completed', 'Job completed');
    if (isNew('Suspended')) events.record(about, 'Normal', 'Suspended', 'Job suspended');
    const failed = isNew('Failed') ? status.conditions?.find(({ type }) => type === 'Failed') : undefined;
    if (failed) events.record(about, 'Warning', failed.reason ?? 'Failed', failed.message ?? '');
  }

  async #adjust(key: string, job: Owner, claimed: readonly Stored<Pod>[], progress: JobProgress): Promise<SyncResult | undefined> {
    const { spec } = job;
    const deadlineAt = Date.parse(job.status?.startTime ?? '') + (spec?.activeDeadlineSeconds ?? Number.NaN) * 1000;
    const untilDeadline = Number.isNaN(deadlineAt) ? undefined : Math.max(1, deadlineAt - this.#context.now());
    const wanted = wantedActive(job, { succeeded: progress.succeeded, active: progress.active.length });
    const excess = progress.active.length - wanted;
    if (excess > 0) {
      await this.#deleteAll(key, job, leastReadyFirst(progress.active).slice(0, excess));
      return { requeueAfterMs: untilDeadline };
    }
    const terminating = spec?.podReplacementPolicy === 'Failed' || spec?.podFailurePolicy ? progress.terminating : 0;
    const missing = Math.min(-excess - terminating, MAX_PODS_A_SYNC);
    if (missing <= 0) return { requeueAfterMs: untilDeadline };
    if (progress.retryMs > 0) return { requeueAfterMs: Math.min(progress.retryMs, untilDeadline ?? Number.POSITIVE_INFINITY) };
    const free = isIndexed(job) ? freeIndexes(job, claimed, progress) : Array.from({ length: missing }, () => undefined);
    const waits = free.map((index) => (index === undefined ? 0 : retryMsOfIndex(job, progress.lastFailed.get(index), this.#context.now())));
    const due = free.filter((_, position) => waits[position] === 0).slice(0, missing);
    const results = await Promise.allSettled(
      due.map((index) => this.#control.create(key, regarding(jobs, job), this.#podOf(job, index, progress))),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed && !isNamespaceGoing(failed.reason)) throw failed.reason;
    const soonest = Math.min(untilDeadline ?? Number.POSITIVE_INFINITY, ...(due.length < missing ? waits.filter((ms) => ms > 0) : []));
    return { requeueAfterMs: Number.isFinite(soonest) ? soonest : undefined };
  }

  #podOf(job: Owner, index: number | undefined, progress: JobProgress): Stored<Pod> {
    const { name: jobName = '', namespace = '' } = job.metadata;
    const generateName = index === undefined ? `${jobName}-` : `${jobName}-${index}-`;
    const name = nameWithSuffix(generateName, this.#context.random);
    const pod = podFromTemplate(job.spec?.template, controllerRefTo(jobs, job), { namespace, name, generateName });
    const finalizers = [...(pod.metadata.finalizers ?? []), TRACKING_FINALIZER];
    if (index === undefined) return { ...pod, metadata: { ...pod.metadata, finalizers } };
    const mark = { [INDEX_ANNOTATION]: String(index) };
    const { counted, ignored } = countsAfter(job, progress.lastFailed.get(index));
    const counts = {
      ...(hasLimitPerIndex(job) ? { [FAILURE_COUNT]: String(counted) } : {}),
      ...(ignored > 0 ? { [IGNORED_COUNT]: String(ignored) } : {}),
    };
    const withEnv = (container: Container): Container => ({
      ...container,
      env: [
        { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: `metadata.labels['${INDEX_ANNOTATION}']` } } },
        ...(container.env ?? []).filter(({ name: variable }) => variable !== 'JOB_COMPLETION_INDEX'),
      ],
    });
    const { spec } = pod;
    return {
      ...pod,
      metadata: {
        ...pod.metadata,
        finalizers,
        labels: { ...pod.metadata.labels, ...mark },
        annotations: { ...pod.metadata.annotations, ...mark, ...counts },
      },
      spec: {
        ...spec,
        hostname: spec?.hostname ?? `${jobName}-${index}`,
        containers: (spec?.containers ?? []).map(withEnv),
        ...(spec?.initContainers ? { initContainers: spec.initContainers.map(withEnv) } : {}),
      },
    };
  }

  async #deleteAll(key: string, job: Owner, doomed: readonly Stored<Pod>[]): Promise<void> {
    await Promise.all(doomed.map((pod) => this.#control.delete(key, regarding(jobs, job), pod)));
  }

  async #release(pod: Stored<Pod>): Promise<void> {
    const { namespace, name = '', uid, resourceVersion, finalizers = [] } = pod.metadata;
    const patch = { metadata: { uid, resourceVersion, finalizers: finalizers.filter((other) => other !== TRACKING_FINALIZER) } };
    await this.#context.client.patch(pods, { namespace, name }, patch, { type: 'application/merge-patch+json' }).catch((error: unknown) => {
      // A pod that changed meanwhile comes back with its new state.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    });
  }
}

const MAX_PODS_A_SYNC = 500;

const jobOf = (pod: Stored<Pod>): string[] => {
  const owner = controllerRefOf(pod);
  return owner?.kind === 'Job' ? [`${pod.metadata.namespace}/${owner.name}`] : [];
};

/** Before the keys of pods that no job counts any more, but which a finalizer holds still. */
const ORPHAN = 'orphan:';

const isTrackedOrphan = (pod: Stored<Pod>): boolean => hasTracking(pod) && controllerRefOf(pod) === undefined;

const leastReadyFirst = (active: readonly Stored<Pod>[]): Stored<Pod>[] =>
  [...active].sort(
    (a, b) =>
      Number(a.status?.phase === 'Running') - Number(b.status?.phase === 'Running') ||
      Date.parse(b.metadata.creationTimestamp ?? '') - Date.parse(a.metadata.creationTimestamp ?? ''),
  );

const freeIndexes = (job: Owner, claimed: readonly Stored<Pod>[], progress: JobProgress): number[] => {
  const taken = new Set([...progress.completedIndexes, ...progress.failedIndexes]);
  const { podReplacementPolicy, podFailurePolicy } = job.spec ?? {};
  const waitsForEnd = podReplacementPolicy === 'Failed' || podFailurePolicy !== undefined;
  for (const pod of claimed) if (!isPodFinished(pod) && (waitsForEnd || !pod.metadata.deletionTimestamp)) taken.add(indexOf(pod));
  return Array.from({ length: job.spec?.completions ?? 0 }, (_, index) => index).filter((index) => !taken.has(index));
};

const suspension = (conditions: readonly JobCondition[], job: Owner, now: number): JobCondition[] => {
  const before = conditions.find(({ type }) => type === 'Suspended');
  const time = rfc3339(now);
  if (job.spec?.suspend) return withTrue(conditions, { type: 'Suspended', reason: 'JobSuspended', message: 'Job suspended' }, now);
  if (before?.status !== 'True') return [...conditions];
  const resumed = {
    ...before,
    status: 'False',
    reason: 'JobResumed',
    message: 'Job resumed',
    lastProbeTime: time,
    lastTransitionTime: time,
  };
  return conditions.map((condition) => (condition === before ? resumed : condition));
};

const withTrue = (
  conditions: readonly JobCondition[],
  said: Pick<JobCondition, 'type' | 'reason' | 'message'>,
  now: number,
): JobCondition[] => {
  if (conditions.some(({ type, status }) => type === said.type && status === 'True')) return [...conditions];
  const time = rfc3339(now);
  return [
    ...conditions.filter(({ type }) => type !== said.type),
    { ...said, status: 'True', lastProbeTime: time, lastTransitionTime: time },
  ];
};
