import { type Flags, listFlag } from '../../cli/args/flags.ts';
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
} as const satisfies Flags;

export default class CreateConfigMap extends ObjectCommand<typeof flags> {
  static override summary = 'Create a ConfigMap';
  static override usage = 'NAME [--from-literal=KEY=VALUE] [--from-file=[KEY=]PATH] [--from-env-file=PATH]';
  static override examples = ['slipway create configmap app --from-literal=level=debug'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('configmaps');
    const values = await readData({
      literals: this.flags['from-literal'],
      files: this.flags['from-file'],
      envFiles: this.flags['from-env-file'],
    });
    const text: Record<string, string> = {};
    const binaryData: Record<string, string> = {};
    // What is no UTF-8 text must not be mangled into it.
    for (const [key, value] of Object.entries(values)) {
      if (Buffer.from(value.toString('utf8')).equals(value)) text[key] = value.toString('utf8');
      else binaryData[key] = value.toString('base64');
    }
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      ...(Object.keys(text).length ? { data: text } : {}),
      ...(Object.keys(binaryData).length ? { binaryData } : {}),
    };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
