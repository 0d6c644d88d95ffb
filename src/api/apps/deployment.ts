import { setPodSpecDefaults } from '../core/pod-defaults.ts';
import { templateWarnings } from '../core/validation/pod-warnings.ts';
import { defineKind, SCALE, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, selectorColumn, templateColumns } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Deployment } from '../types/apps-v1.ts';
import { validateDeployment, validateDeploymentUpdate } from './validation/workloads.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<Deployment>(object);
  if (!spec) return;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
};

export const deployment = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  generationFollowsAnnotations: true,
  subresources: {
    scale: SCALE,
    status: STATUS,
  },
  setDefaults,
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
  warnings: templateWarnings,
  columns: [
    column(
      'Ready',
      cellOf<Deployment>(({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    ),
    column(
      'Up-to-date',
      cellOf<Deployment>(({ status }) => status?.updatedReplicas ?? 0),
    ),
    column(
      'Available',
      cellOf<Deployment>(({ status }) => status?.availableReplicas ?? 0),
    ),
    ageColumn,
    ...templateColumns,
    selectorColumn,
  ],
});
