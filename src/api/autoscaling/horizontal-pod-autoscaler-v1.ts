import { defineKind, STATUS } from '../define-kind.ts';
import { as } from '../meta/columns.ts';
import type { KubeObject, Stored } from '../meta/object.ts';
import type { HorizontalPodAutoscaler } from '../types/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV2 } from '../types/autoscaling-v2.ts';
import { horizontalPodAutoscaler, validateAutoscaler } from './horizontal-pod-autoscaler.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<HorizontalPodAutoscaler>(object);
  if (spec) spec.minReplicas ??= 1;
};

/** v1 knows one metric: the processor time of the pods. */
const toStorage = (object: KubeObject): KubeObject => {
  const { spec, status, metadata } = as<HorizontalPodAutoscaler>(object);
  const { targetCPUUtilizationPercentage: target, ...rest } = spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const current = status?.currentCPUUtilizationPercentage;
  const converted: Stored<HorizontalPodAutoscalerV2> = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec: {
      ...rest,
      ...(target === undefined
        ? {}
        : { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } } }] }),
    },
    status: {
      currentReplicas: status?.currentReplicas ?? 0,
      desiredReplicas: status?.desiredReplicas ?? 0,
      ...(status?.lastScaleTime === undefined ? {} : { lastScaleTime: status.lastScaleTime }),
      ...(status?.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
      currentMetrics:
        current === undefined ? undefined : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } }],
    },
  };
  return converted as unknown as KubeObject;
};

const fromStorage = (object: KubeObject): KubeObject => {
  const { spec, status, metadata } = as<HorizontalPodAutoscalerV2>(object);
  const { metrics, behavior: _behavior, ...rest } = spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const target = metrics?.find(({ resource }) => resource?.name === 'cpu')?.resource?.target.averageUtilization;
  const current = status?.currentMetrics?.find((metric) => metric.resource?.name === 'cpu')?.resource?.current.averageUtilization;
  const { currentMetrics: _metrics, conditions: _conditions, ...kept } = status ?? { desiredReplicas: 0 };
  const converted: Stored<HorizontalPodAutoscaler> = {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata,
    spec: { ...rest, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: { currentReplicas: 0, ...kept, ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }) },
  };
  return converted as unknown as KubeObject;
};

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
  setDefaults,
  toStorage,
  fromStorage,
  validate: validateAutoscaler,
  columns: horizontalPodAutoscaler.columns.map((shown) => ({ ...shown, cell: (object, now) => shown.cell(toStorage(object), now) })),
});
