import { setPodSpecDefaults } from '../core/pod-defaults.ts';
import { templateWarnings } from '../core/validation/pod-warnings.ts';
import { defineKind, SCALE, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, selectorColumn, templateColumns } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { ReplicaSet } from '../types/apps-v1.ts';
import { validateReplicaSet, validateReplicaSetUpdate } from './validation/workloads.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<ReplicaSet>(object);
  if (!spec) return;
  spec.replicas ??= 1;
  if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
};

export const replicaSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    scale: SCALE,
    status: STATUS,
  },
  setDefaults,
  selectableFields: { 'status.replicas': (object) => String(as<ReplicaSet>(object).status?.replicas ?? 0) },
  validate: validateReplicaSet,
  validateUpdate: validateReplicaSetUpdate,
  warnings: templateWarnings,
  columns: [
    column(
      'Desired',
      cellOf<ReplicaSet>(({ spec }) => spec?.replicas ?? 0),
      { type: 'integer' },
    ),
    column(
      'Current',
      cellOf<ReplicaSet>(({ status }) => status?.replicas ?? 0),
      { type: 'integer' },
    ),
    column(
      'Ready',
      cellOf<ReplicaSet>(({ status }) => status?.readyReplicas ?? 0),
      { type: 'integer' },
    ),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
});
