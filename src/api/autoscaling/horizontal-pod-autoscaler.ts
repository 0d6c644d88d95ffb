import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import { type FieldError, invalid, required } from '../meta/field-error.ts';
import type { KubeObject } from '../meta/object.ts';
import type { HorizontalPodAutoscaler } from '../types/autoscaling-v2.ts';
import { metricsCell, setAutoscalerDefaults } from './autoscaler-metrics.ts';

/** Of both versions: what they have in common. */
export const validateAutoscaler = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<HorizontalPodAutoscaler>(object).spec;
  const { minReplicas, maxReplicas = 0, scaleTargetRef: target } = spec ?? {};
  if (minReplicas !== undefined && minReplicas < 1)
    errors.push(invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
  if (maxReplicas < 1) errors.push(required('spec.maxReplicas', 'must be set and greater than 0'));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  if (!target?.kind) errors.push(required('spec.scaleTargetRef.kind'));
  if (!target?.name) errors.push(required('spec.scaleTargetRef.name'));
  const apiVersion = target?.apiVersion ?? '';
  if (!apiVersion.includes('/') && !(apiVersion === 'v1' && target?.kind === 'ReplicationController'))
    errors.push(invalid('spec.scaleTargetRef.apiVersion', apiVersion, 'apiVersion must specify API group'));
  return errors;
};

export const horizontalPodAutoscaler = defineKind({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  subresources: {
    status: STATUS,
  },
  setDefaults: setAutoscalerDefaults,
  validate: validateAutoscaler,
  columns: [
    column(
      'Reference',
      cellOf<HorizontalPodAutoscaler>(({ spec }) => `${spec?.scaleTargetRef.kind}/${spec?.scaleTargetRef.name}`),
    ),
    column('Targets', cellOf<HorizontalPodAutoscaler>(metricsCell)),
    column(
      'MinPods',
      cellOf<HorizontalPodAutoscaler>(({ spec }) => String(spec?.minReplicas ?? '<unset>')),
    ),
    column(
      'MaxPods',
      cellOf<HorizontalPodAutoscaler>(({ spec }) => spec?.maxReplicas ?? 0),
    ),
    column(
      'Replicas',
      cellOf<HorizontalPodAutoscaler>(({ status }) => status?.currentReplicas ?? 0),
    ),
    ageColumn,
  ],
});
