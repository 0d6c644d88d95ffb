import { validateReplicationController } from '../apps/validation/workloads.ts';
import { defineKind, SCALE, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, labelsCell, templateColumns, wideColumn } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { ReplicationController } from '../types/core-v1.ts';
import { setPodSpecDefaults } from './pod-defaults.ts';

const setDefaults = (object: KubeObject): void => {
  const controller = as<ReplicationController>(object);
  const labels = controller.spec?.template?.metadata?.labels;
  if (labels && controller.spec) {
    if (Object.keys(controller.spec.selector ?? {}).length === 0) controller.spec.selector = { ...labels };
    if (Object.keys(controller.metadata.labels ?? {}).length === 0) controller.metadata.labels = { ...labels };
  }
  if (controller.spec?.template?.spec) setPodSpecDefaults(controller.spec.template.spec);
};

export const replicationController = defineKind({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    scale: SCALE,
    status: STATUS,
  },
  defaultPropagation: 'Orphan',
  setDefaults,
  selectableFields: { 'status.replicas': (object) => String(as<ReplicationController>(object).status?.replicas ?? 0) },
  validate: validateReplicationController,
  columns: [
    column(
      'Desired',
      cellOf<ReplicationController>(({ spec }) => spec?.replicas ?? 0),
      { type: 'integer' },
    ),
    column(
      'Current',
      cellOf<ReplicationController>(({ status }) => status?.replicas ?? 0),
      { type: 'integer' },
    ),
    column(
      'Ready',
      cellOf<ReplicationController>(({ status }) => status?.readyReplicas ?? 0),
      { type: 'integer' },
    ),
    ageColumn,
    ...templateColumns,
    wideColumn(
      'Selector',
      cellOf<ReplicationController>(({ spec }) => labelsCell(spec?.selector)),
    ),
  ],
});
