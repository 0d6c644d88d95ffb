import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { HorizontalPodAutoscaler } from '../types/autoscaling-v2.ts';
import { metricsCell, setAutoscalerDefaults } from './autoscaler-metrics.ts';

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
