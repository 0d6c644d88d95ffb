import { setPodSpecDefaults } from '../core/pod-defaults.ts';
import { defineKind, STATUS } from '../define-kind.ts';
import { age, ageColumn, as, cellOf, column, selectorCell, wideColumn } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { CronJob } from '../types/batch-v1.ts';
import { cronJobNameProblems, validateCronJob } from './validation/jobs.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<CronJob>(object);
  if (!spec) return;
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  const template = spec.jobTemplate?.spec?.template;
  if (template?.spec) setPodSpecDefaults(template.spec);
};

const containers = (object: KubeObject) => as<CronJob>(object).spec?.jobTemplate?.spec?.template?.spec?.containers ?? [];

export const cronJob = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  setDefaults,
  validate: validateCronJob,
  nameCheck: cronJobNameProblems,
  columns: [
    column(
      'Schedule',
      cellOf<CronJob>(({ spec }) => spec?.schedule ?? ''),
    ),
    column(
      'Timezone',
      cellOf<CronJob>(({ spec }) => spec?.timeZone ?? '<none>'),
    ),
    column(
      'Suspend',
      cellOf<CronJob>(({ spec }) => (spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False')),
      { type: 'boolean' },
    ),
    column(
      'Active',
      cellOf<CronJob>(({ status }) => status?.active?.length ?? 0),
      { type: 'integer' },
    ),
    column(
      'Last Schedule',
      cellOf<CronJob>(({ status }, now) => (status?.lastScheduleTime ? age(status.lastScheduleTime, now) : '<none>')),
    ),
    ageColumn,
    wideColumn('Containers', (object) =>
      containers(object)
        .map(({ name }) => name)
        .join(','),
    ),
    wideColumn('Images', (object) =>
      containers(object)
        .map(({ image }) => image ?? '')
        .join(','),
    ),
    wideColumn(
      'Selector',
      cellOf<CronJob>(({ spec }) => selectorCell(spec?.jobTemplate?.spec?.selector)),
    ),
  ],
});
