import { booleanFlag, type Flags, integerFlag, textFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  value: integerFlag('The priority', { default: 0 }),
  description: textFlag('When to use it', { default: '' }),
  'global-default': booleanFlag('Of pods that name no class'),
  'preemption-policy': textFlag('Whether its pods may displace others', {
    default: 'PreemptLowerPriority',
    options: ['PreemptLowerPriority', 'Never'],
  }),
} as const satisfies Flags;

export default class CreatePriorityClass extends ObjectCommand<typeof flags> {
  static override summary = 'Create a PriorityClass';
  static override usage = 'NAME --value=N [flags]';
  static override examples = ['slipway create priorityclass high --value=1000 --description="before all others"'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const { value, description, 'global-default': globalDefault, 'preemption-policy': preemptionPolicy } = this.flags;
    const resource = builtinResource('priorityclasses', 'scheduling.k8s.io');
    const object = {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      value,
      ...(globalDefault ? { globalDefault } : {}),
      ...(description ? { description } : {}),
      preemptionPolicy,
    };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
