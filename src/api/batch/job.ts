import { setPodSpecDefaults } from '../core/pod-defaults.ts';
import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, humanDuration, selectorColumn, templateColumns } from '../meta/columns.ts';
import { deepEqual } from '../meta/equality.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Job, JobSpec } from '../types/batch-v1.ts';
import { jobNameProblems, validateJob, validateJobUpdate } from './validation/jobs.ts';

const BACKOFF_LIMIT = 6;
const UNLIMITED = 2 ** 31 - 1;

const setSpecDefaults = (spec: JobSpec): void => {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? BACKOFF_LIMIT : UNLIMITED;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
};

const setDefaults = (object: KubeObject): void => {
  const { metadata, spec } = as<Job>(object);
  if (!spec) return;
  setSpecDefaults(spec);
  const labels = spec.template?.metadata?.labels;
  if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
};

const UID_LABELS = ['controller-uid', 'batch.kubernetes.io/controller-uid'];
const NAME_LABELS = ['job-name', 'batch.kubernetes.io/job-name'];

/** Unless told otherwise a job finds its pods by its own uid, which the registry has set by now. */
const prepareForCreate = (object: KubeObject): void => {
  const { metadata, spec } = as<Job>(object);
  if (!spec || spec.manualSelector) return;
  const { uid = '', name = '' } = metadata;
  spec.template.metadata ??= {};
  const labelsAreTheTemplates = deepEqual(metadata.labels ?? {}, spec.template.metadata.labels ?? {});
  const labels = { ...spec.template.metadata.labels };
  for (const label of UID_LABELS) labels[label] ??= uid;
  for (const label of NAME_LABELS) labels[label] ??= name;
  spec.template.metadata.labels = labels;
  if (labelsAreTheTemplates) metadata.labels = { ...labels };
  spec.selector = { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, 'batch.kubernetes.io/controller-uid': uid } };
};

const hasCondition = (job: Pick<Job, 'status'>, type: string): boolean =>
  job.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

const statusCell = cellOf<Job>((job) => {
  if (hasCondition(job, 'Complete')) return 'Complete';
  if (hasCondition(job, 'Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find((type) => hasCondition(job, type)) ?? 'Running';
});

const completions = cellOf<Job>(({ spec, status }) => {
  const done = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${done}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
});

const duration = cellOf<Job>(({ status }, now) => {
  if (!status?.startTime) return '';
  const end = status.completionTime ? Date.parse(status.completionTime) : now;
  return humanDuration(end - Date.parse(status.startTime));
});

export const job = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  defaultPropagation: 'Orphan',
  setDefaults,
  prepareForCreate,
  selectableFields: { 'status.successful': (object) => String(as<Job>(object).status?.succeeded ?? 0) },
  nameCheck: jobNameProblems,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  columns: [
    column('Status', statusCell),
    column('Completions', completions),
    column('Duration', duration),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
});
