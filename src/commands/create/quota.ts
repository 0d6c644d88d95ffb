import { type Flags, listFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  hard: listFlag('Limits: cpu=1,pods=10'),
  scopes: listFlag('Only for these pods: BestEffort, NotTerminating, ...'),
} as const satisfies Flags;

export default class CreateQuota extends ObjectCommand<typeof flags> {
  static override summary = 'Create a ResourceQuota';
  static override usage = 'NAME [--hard=NAME=VALUE,...] [--scopes=SCOPE,...]';
  static override examples = ['slipway create quota small --hard=cpu=2,memory=4Gi,pods=20'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const { hard, scopes } = this.flags;
    const limits = Object.fromEntries(
      hard.map((text) => {
        const [key = '', value, ...more] = text.split('=');
        if (!key || !value || more.length) throw new CommandError(`Invalid argument syntax ${text}, expected <resource>=<value>`);
        return [key, value];
      }),
    );
    const spec = { ...(hard.length ? { hard: limits } : {}), ...(scopes.length ? { scopes } : {}) };
    const resource = builtinResource('resourcequotas');
    const object = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name }, spec, status: {} };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
