import type { Flags } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
} as const satisfies Flags;

export default class CreateNamespace extends ObjectCommand<typeof flags> {
  static override summary = 'Create a namespace';
  static override usage = 'NAME [flags]';
  static override examples = ['slipway create namespace shop'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('namespaces');
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {}, status: {} };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
