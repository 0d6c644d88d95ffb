import { pathOf } from '../api/meta/object.ts';
import { booleanFlag, type Flags, integerFlag, textFlag } from '../cli/args/flags.ts';
import { CommandError, forEachItem, UsageError } from '../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { ObjectCommand } from '../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  replicas: integerFlag('How many replicas should run'),
  'current-replicas': integerFlag('Only when as many are asked for now'),
  'resource-version': textFlag('Only when the object has this resourceVersion'),
  all: booleanFlag('Every object of the type in the namespace'),
} as const satisfies Flags;

export default class Scale extends ObjectCommand<typeof flags> {
  static override summary = 'Set how many replicas of a workload run';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) --replicas=N [flags]';
  static override examples = [
    'slipway scale deployment web --replicas=5',
    'slipway scale --current-replicas=2 --replicas=3 deployment/web',
  ];
  static override flags = flags;

  async run(): Promise<void> {
    const { replicas, 'current-replicas': expected, 'resource-version': version } = this.flags;
    if (replicas === undefined || replicas < 0)
      throw new UsageError('The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0');
    await forEachItem(await this.objects(), async (info) => {
      const now = (info.object['spec'] as { replicas?: number } | undefined)?.replicas;
      if (expected !== undefined && now !== expected) throw new CommandError(`Expected replicas to be ${expected}, was ${now}`);
      if (version !== undefined && info.object.metadata.resourceVersion !== version)
        throw new CommandError(`Expected resource version to be ${version}, was ${info.object.metadata.resourceVersion}`);
      if (this.dryRun !== 'client') {
        const path = pathOf(info.resource, { namespace: info.namespace, name: info.name, subresource: 'scale' });
        await this.send({
          method: 'PATCH',
          path,
          contentType: 'application/merge-patch+json',
          body: { spec: { replicas } },
          query: this.writeQuery(),
        });
      }
      const spec = { ...(info.object['spec'] as object), replicas };
      await this.report(info.resource, { ...info.object, spec }, 'scaled');
    });
  }
}
