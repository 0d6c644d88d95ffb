import { as } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type {
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../types/autoscaling-v2.ts';

const CPU_PERCENT = 80;

export const setAutoscalerDefaults = (object: KubeObject): void => {
  const { spec } = as<HorizontalPodAutoscaler>(object);
  if (!spec) return;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length)
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: CPU_PERCENT } } }];
  if (!spec.behavior) return;
  spec.behavior.scaleUp = rules(spec.behavior.scaleUp, {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  });
  spec.behavior.scaleDown = rules(spec.behavior.scaleDown, {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  });
};

const rules = (given: HPAScalingRules | undefined, defaults: HPAScalingRules): HPAScalingRules => ({
  ...defaults,
  ...given,
  policies: given?.policies ?? defaults.policies,
});

const SHOWN = 2;

/** `cpu: 12%/80%`, at most two of them. */
export const metricsCell = ({ spec, status }: HorizontalPodAutoscaler): string => {
  const specs = spec?.metrics ?? [];
  if (specs.length === 0) return '<none>';
  const shown = specs.slice(0, SHOWN).map((metric, index) => metricText(metric, status?.currentMetrics?.[index]));
  return specs.length > SHOWN ? `${shown.join(', ')} + ${specs.length - SHOWN} more...` : shown.join(', ');
};

const metricText = (spec: MetricSpec, status: MetricStatus | undefined): string => {
  if (spec.type === 'Resource' && spec.resource) return `${spec.resource.name}: ${usage(spec.resource.target, status?.resource?.current)}`;
  if (spec.type === 'ContainerResource' && spec.containerResource)
    return `${spec.containerResource.name}: ${usage(spec.containerResource.target, status?.containerResource?.current)}`;
  if (spec.type === 'Pods' && spec.pods) return `${status?.pods?.current.averageValue ?? '<unknown>'}/${spec.pods.target.averageValue}`;
  const [target, current] =
    spec.type === 'External' ? [spec.external?.target, status?.external?.current] : [spec.object?.target, status?.object?.current];
  if (!target) return '<unknown type>';
  return target.averageValue !== undefined
    ? `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`
    : `${current?.value ?? '<unknown>'}/${target.value}`;
};

const usage = (target: MetricTarget, current: MetricValueStatus | undefined): string => {
  if (target.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue}`;
  const now = current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`;
  return `${now}/${target.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`}`;
};
