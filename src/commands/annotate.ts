import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { CommandError, forEachItem, UsageError } from '../cli/errors.ts';
import { parseChanges, splitTargetsAndChanges } from '../cli/kube/key-value.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { ObjectCommand } from '../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  all: booleanFlag('Every object of the type'),
  'all-namespaces': booleanFlag('In every namespace', { char: 'A' }),
  overwrite: booleanFlag('Replace values that are there already'),
  list: booleanFlag('Show them'),
  'resource-version': textFlag('Only when the object has this resourceVersion'),
} as const satisfies Flags;

export default class Annotate extends ObjectCommand<typeof flags> {
  static override summary = 'Change annotations of objects';
  static override usage = '(TYPE NAME... | TYPE/NAME... | -f FILE) KEY=VALUE... KEY-... [flags]';
  static override examples = ['slipway annotate deployment web team=shop'];
  static override flags = flags;

  async run(): Promise<void> {
    const { targets, changes } = splitTargetsAndChanges(this.args);
    const { set, remove } = parseChanges(changes, 'annotation');
    if (!Object.keys(set).length && !remove.length && !this.flags.list) throw new UsageError('at least one annotation update is required');
    await forEachItem(await this.objects(targets), async (info) => {
      const current = info.object.metadata.annotations ?? {};
      const kept = Object.keys(set).filter((key) => key in current && current[key] !== set[key]);
      if (kept.length && !this.flags.overwrite)
        throw new CommandError(kept.map((key) => `'${key}' already has a value (${current[key]}), and --overwrite is false`).join('; '));
      for (const key of remove) if (!(key in current)) this.io.out(`annotation "${key}" not found.\n`);
      const differs = Object.entries(set).some(([key, value]) => current[key] !== value);
      const removes = remove.some((key) => key in current);
      const values = { ...set, ...Object.fromEntries(remove.map((key) => [key, null])) };
      const version = this.flags['resource-version'];
      const body = { metadata: { annotations: values, ...(version ? { resourceVersion: version } : {}) } };
      const changed = this.dryRun === 'client' || !(differs || removes) ? info.object : await this.patch(info, body);
      if (this.flags.list) for (const [key, value] of Object.entries(changed.metadata.annotations ?? {})) this.io.out(`${key}=${value}\n`);
      else await this.report(info.resource, changed, 'annotated');
    });
  }
}
