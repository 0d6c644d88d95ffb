import { defineKind, STATUS } from '../define-kind.ts';

export const horizontalPodAutoscalerV1 = defineKind({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  storageVersion: 'v2',
  subresources: {
    status: STATUS,
  },
});
