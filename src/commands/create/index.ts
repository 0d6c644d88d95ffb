import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { forEachItem, UsageError } from '../../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { ObjectCommand } from '../../cli/object-command.ts';
import { withContext } from '../../cli/print-error.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  'save-config': booleanFlag('Accepted for compatibility', { hidden: true }),
  validate: textFlag('Accepted for compatibility', { bare: 'strict', hidden: true }),
} as const satisfies Flags;

export default class Create extends ObjectCommand<typeof flags> {
  static override summary = 'Create objects from files, or one by its flags';
  static override usage = '-f FILE [flags]';
  static override examples = ['slipway create -f web.yaml', 'slipway create deployment web --image=IMAGE', 'slipway create namespace shop'];
  static override flags = flags;

  async run(): Promise<void> {
    if (this.args.length) throw new UsageError(`unknown kind "${this.args[0]}": 'slipway create --help' lists what can be made by flags`);
    if (!this.flags.filename.length) throw new UsageError('must specify one of -f and -k');
    await forEachItem(await this.manifests(), async (info) => {
      try {
        await this.report(info.resource, await this.create(info.resource, info.object, info.namespace), 'created');
      } catch (error) {
        throw withContext(error, `error when creating "${info.source}"`);
      }
    });
  }
}
