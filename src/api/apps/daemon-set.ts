import { setPodSpecDefaults } from '../core/pod-defaults.ts';
import { templateWarnings } from '../core/validation/pod-warnings.ts';
import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, labelsCell, selectorColumn, templateColumns } from '../meta/columns.ts';
import { deepEqual } from '../meta/equality.ts';
import type { KubeObject } from '../meta/object.ts';
import type { DaemonSet, DaemonSetStatus } from '../types/apps-v1.ts';
import { validateDaemonSet, validateDaemonSetUpdate } from './validation/workloads.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<DaemonSet>(object);
  if (!spec) return;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
};

const GENERATION = 'deprecated.daemonset.template.generation';

const setTemplateGeneration = (object: KubeObject, generation: number): void => {
  object.metadata.annotations = { ...object.metadata.annotations, [GENERATION]: String(generation) };
};

const prepareForCreate = (object: KubeObject): void => setTemplateGeneration(object, 1);

const prepareForUpdate = (object: KubeObject, old: KubeObject): void => {
  const before = Number(old.metadata.annotations?.[GENERATION] ?? 1);
  const changed = !deepEqual(as<DaemonSet>(object).spec?.template, as<DaemonSet>(old).spec?.template);
  setTemplateGeneration(object, changed ? before + 1 : before);
};

const counted = (name: string, read: (status: DaemonSetStatus | undefined) => number | undefined) =>
  column(
    name,
    cellOf<DaemonSet>(({ status }) => read(status) ?? 0),
    { type: 'integer' },
  );

export const daemonSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  setDefaults,
  prepareForCreate,
  prepareForUpdate,
  validate: validateDaemonSet,
  validateUpdate: validateDaemonSetUpdate,
  warnings: templateWarnings,
  columns: [
    counted('Desired', (status) => status?.desiredNumberScheduled),
    counted('Current', (status) => status?.currentNumberScheduled),
    counted('Ready', (status) => status?.numberReady),
    counted('Up-to-date', (status) => status?.updatedNumberScheduled),
    counted('Available', (status) => status?.numberAvailable),
    column(
      'Node Selector',
      cellOf<DaemonSet>(({ spec }) => labelsCell(spec?.template?.spec?.nodeSelector)),
    ),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
});
