import { setClaimSpecDefaults } from '../core/persistent-volume-claim-defaults.ts';
import { setPodSpecDefaults } from '../core/pod-defaults.ts';
import { templateWarnings } from '../core/validation/pod-warnings.ts';
import { defineKind, SCALE, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, templateColumns } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { StatefulSet } from '../types/apps-v1.ts';
import { validateStatefulSet, validateStatefulSetUpdate } from './validation/workloads.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<StatefulSet>(object);
  if (!spec) return;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = 'RollingUpdate';
    spec.updateStrategy.rollingUpdate ??= { partition: 0 };
  }
  if (spec.updateStrategy.rollingUpdate) spec.updateStrategy.rollingUpdate.partition ??= 0;
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion = 'v1';
    claim.kind = 'PersistentVolumeClaim';
    if (claim.spec) setClaimSpecDefaults(claim.spec);
    claim.status = { ...claim.status, phase: claim.status?.phase || 'Pending' };
  }
};

export const statefulSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    scale: SCALE,
    status: STATUS,
  },
  setDefaults,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  warnings: templateWarnings,
  columns: [
    column(
      'Ready',
      cellOf<StatefulSet>(({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    ),
    ageColumn,
    ...templateColumns,
  ],
});
