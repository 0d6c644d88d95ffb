import { booleanFlag, type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { CommandError, forEachItem, UsageError } from '../../cli/errors.ts';
import { parseChanges, splitTargetsAndChanges } from '../../cli/kube/key-value.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { podSpecOf, podSpecPatch } from '../../cli/kube/workloads.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  all: booleanFlag('Every object of the type'),
  env: listFlag('NAME=VALUE', { char: 'e', splitOnComma: false }),
  containers: textFlag('Which containers, * for all', { char: 'c', default: '*' }),
  list: booleanFlag('Show the environment instead of changing it'),
} as const satisfies Flags;

export default class SetEnv extends ObjectCommand<typeof flags> {
  static override summary = 'Change the environment of containers';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) NAME=VALUE... NAME-... [flags]';
  static override examples = [
    'slipway set env deployment/web LEVEL=debug',
    'slipway set env deployment/web LEVEL-',
    'slipway set env deployment/web --list',
  ];
  static override flags = flags;

  async run(): Promise<void> {
    const { targets, changes } = splitTargetsAndChanges(this.args);
    const { set, remove } = parseChanges([...changes, ...this.flags.env], 'environment variable');
    if (!this.flags.list && !Object.keys(set).length && !remove.length)
      throw new UsageError('at least one environment variable must be provided');
    const chosen = new RegExp(
      `^${this.flags.containers
        .split('*')
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`,
    );
    await forEachItem(await this.objects(targets), async (info) => {
      const containers = podSpecOf(info.object).containers.filter(({ name }) => chosen.test(name));
      if (!containers.length) throw new CommandError(`${info.name} does not have any containers matching "${this.flags.containers}"`);
      if (this.flags.list) {
        for (const container of containers) {
          this.io.out(`# ${info.resource.plural} ${info.name}, container ${container.name}\n`);
          for (const { name, value, valueFrom } of container.env ?? [])
            this.io.out(valueFrom ? `# ${name} from ${JSON.stringify(valueFrom)}\n` : `${name}=${value ?? ''}\n`);
        }
        return;
      }
      const env = [
        ...Object.entries(set).map(([name, value]) => ({ name, value, valueFrom: null })),
        ...remove.map((name) => ({ name, $patch: 'delete' })),
      ];
      const body = podSpecPatch(info.object, { containers: containers.map(({ name }) => ({ name, env })) });
      const changed =
        this.dryRun === 'client' ? info.object : await this.patch(info, body, { type: 'application/strategic-merge-patch+json' });
      await this.report(info.resource, changed, 'env updated');
    });
  }
}
