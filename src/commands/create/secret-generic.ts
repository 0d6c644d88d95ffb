import { type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { readData } from '../../cli/kube/data-sources.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  'from-literal': listFlag('KEY=VALUE', { splitOnComma: false }),
  'from-file': listFlag('File or folder of values, KEY=PATH to name one', { splitOnComma: false }),
  'from-env-file': listFlag('File of KEY=VALUE lines', { splitOnComma: false }),
  type: textFlag('Type of the Secret'),
} as const satisfies Flags;

export default class CreateSecretGeneric extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Secret';
  static override usage = 'NAME [--from-literal=KEY=VALUE] [--from-file=[KEY=]PATH] [--from-env-file=PATH]';
  static override examples = ['slipway create secret generic app --from-literal=level=debug'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('secrets');
    const values = await readData({
      literals: this.flags['from-literal'],
      files: this.flags['from-file'],
      envFiles: this.flags['from-env-file'],
    });
    const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value.toString('base64')]));
    const { type } = this.flags;
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      ...(Object.keys(data).length ? { data } : {}),
      ...(type ? { type } : {}),
    };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
