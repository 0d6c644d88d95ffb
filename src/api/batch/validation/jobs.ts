import { checkPodTemplate } from '../../core/validation/pod-spec.ts';
import { checkLabelSelector, checkNonNegative, checkOneOf } from '../../meta/checks.ts';
import { as } from '../../meta/columns.ts';
import { deepEqual, semanticEqual } from '../../meta/equality.ts';
import { type FieldError, invalid, required } from '../../meta/field-error.ts';
import { dnsLabelProblems, dnsSubdomainProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import type { CronJob, Job, JobSpec } from '../../types/batch-v1.ts';

const RESTART_WORDS = 'valid values: "OnFailure", "Never"';

const checkJobSpec = (errors: FieldError[], at: string, spec: JobSpec): void => {
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
  ] as const)
    checkNonNegative(errors, `${at}.${field}`, spec[field]);
  if (spec.completionMode === 'Indexed' && spec.completions === undefined)
    errors.push(required(`${at}.completions`, 'when completion mode is Indexed'));
  checkLabelSelector(errors, `${at}.selector`, spec.selector);
  const template = spec.template;
  checkPodTemplate(errors, `${at}.template`, template);
  const { restartPolicy } = template?.spec ?? {};
  if (restartPolicy === undefined || restartPolicy === 'Always') errors.push(required(`${at}.template.spec.restartPolicy`, RESTART_WORDS));
};

export const validateJob = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { spec, metadata } = as<Job>(object);
  checkJobSpec(errors, 'spec', spec ?? { template: {} });
  if (!spec || spec.manualSelector) return errors;
  const wanted = { matchLabels: { 'batch.kubernetes.io/controller-uid': metadata.uid ?? '' } };
  if (!deepEqual(spec.selector, wanted)) errors.push(invalid('spec.selector', spec.selector ?? null, '`selector` not auto-generated'));
  return errors;
};

export const validateJobUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const [spec, before] = [as<Job>(object).spec, as<Job>(old).spec];
  if (!spec || !before) return errors;
  checkJobSpec(errors, 'spec', spec);
  const immutable = (field: string, now: unknown, was: unknown): void => {
    if (!semanticEqual(now, was)) errors.push(invalid(`spec.${field}`, now ?? null, 'field is immutable'));
  };
  if (spec.completionMode !== 'Indexed') immutable('completions', spec.completions, before.completions);
  immutable('selector', spec.selector, before.selector);
  // While a job is suspended and has never run, a scheduler may still say where its pods go.
  if (!(before.suspend && !as<Job>(old).status?.startTime)) immutable('template', spec.template, before.template);
  immutable('completionMode', spec.completionMode, before.completionMode);
  immutable('podFailurePolicy', spec.podFailurePolicy, before.podFailurePolicy);
  immutable('backoffLimitPerIndex', spec.backoffLimitPerIndex, before.backoffLimitPerIndex);
  return errors;
};

const FIELDS = 5;
const SCHEDULE_NAMES = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every\s+\S+)$/;
const FIELD = /^[\d*,/?\-A-Za-z]+$/;

const checkSchedule = (errors: FieldError[], schedule: string): void => {
  if (!schedule) {
    errors.push(required('spec.schedule'));
    return;
  }
  if (schedule.includes('TZ')) {
    errors.push(invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
    return;
  }
  if (SCHEDULE_NAMES.test(schedule)) return;
  const fields = schedule.trim().split(/\s+/);
  if (schedule.startsWith('@')) errors.push(invalid('spec.schedule', schedule, `unrecognized descriptor: ${schedule}`));
  else if (fields.length !== FIELDS)
    errors.push(invalid('spec.schedule', schedule, `expected exactly ${FIELDS} fields, found ${fields.length}: [${fields.join(' ')}]`));
  else {
    const bad = fields.find((field) => !FIELD.test(field));
    if (bad)
      errors.push(
        invalid('spec.schedule', schedule, `failed to parse int from ${bad}: strconv.Atoi: parsing ${JSON.stringify(bad)}: invalid syntax`),
      );
  }
};

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    // Intl has no other way to ask.
    return false;
  }
};

export const validateCronJob = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<CronJob>(object).spec;
  if (!spec) return [required('spec.schedule')];
  checkSchedule(errors, spec.schedule ?? '');
  checkNonNegative(errors, 'spec.startingDeadlineSeconds', spec.startingDeadlineSeconds);
  const zone = spec.timeZone;
  if (zone !== undefined && (zone === '' || !isTimeZone(zone)))
    errors.push(invalid('spec.timeZone', zone, zone === '' ? 'timeZone must be nil or non-empty string' : `unknown time zone ${zone}`));
  checkOneOf(errors, 'spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  checkJobSpec(errors, 'spec.jobTemplate.spec', spec.jobTemplate?.spec ?? { template: {} });
  checkNonNegative(errors, 'spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
  checkNonNegative(errors, 'spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
  return errors;
};

const CRON_NAME_LIMIT = 52;

/** Jobs get eleven characters more, and must still be names. */
export const cronJobNameProblems = (name: string): readonly string[] => [
  ...dnsSubdomainProblems(name),
  ...(name.length > CRON_NAME_LIMIT ? [`must be no more than ${CRON_NAME_LIMIT} characters`] : []),
];

export const jobNameProblems = (name: string): readonly string[] =>
  name.length > 63 ? dnsLabelProblems(name) : dnsSubdomainProblems(name);
