import type { Flags } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { POLICY_RULE_FLAGS, policyRules } from '../../cli/kube/policy-rules.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = { ...WRITE_FLAGS, ...POLICY_RULE_FLAGS } as const satisfies Flags;

export default class CreateRole extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Role';
  static override usage = 'NAME --verb=VERB --resource=RESOURCE';
  static override examples = ['slipway create role reader --verb=get,list --resource=pods'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('roles', 'rbac.authorization.k8s.io');
    const rules = await policyRules(this.flags, (await this.session()).resources);
    const object = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name }, rules };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
