import { type Flags, integerFlag, textFlag } from '../cli/args/flags.ts';
import { forEachItem, UsageError } from '../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { builtinResource } from '../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  min: integerFlag('Least number of replicas'),
  max: integerFlag('Greatest number of replicas'),
  'cpu-percent': integerFlag('Wanted CPU use, percent of the requests'),
  name: textFlag('Name of the autoscaler'),
} as const satisfies Flags;

export default class Autoscale extends ObjectCommand<typeof flags> {
  static override summary = 'Let the number of replicas follow the load';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) --max=N [--min=N] [--cpu-percent=N]';
  static override examples = ['slipway autoscale deployment web --min=2 --max=10 --cpu-percent=80'];
  static override flags = flags;

  async run(): Promise<void> {
    const { min, max, 'cpu-percent': percent } = this.flags;
    if (max === undefined || max < 1) throw new UsageError('--max=MAXPODS is required and must be at least 1, max: -1');
    if (min !== undefined && max < min)
      throw new UsageError(`--max=MAXPODS must be larger or equal to --min=MINPODS, max: ${max}, min: ${min}`);
    const resource = builtinResource('horizontalpodautoscalers', 'autoscaling');
    await forEachItem(await this.objects(), async ({ object, name, namespace }) => {
      const target = { type: 'Utilization', averageUtilization: percent };
      const autoscaler = {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: this.flags.name ?? name },
        spec: {
          ...(min === undefined ? {} : { minReplicas: min }),
          maxReplicas: max,
          scaleTargetRef: { apiVersion: object.apiVersion, kind: object.kind, name },
          ...(percent === undefined ? {} : { metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }] }),
        },
        status: { currentMetrics: null, desiredReplicas: 0 },
      };
      await this.report(resource, await this.create(resource, autoscaler, namespace), 'autoscaled');
    });
  }
}
