import { type Flags, listFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  verb: listFlag('get, list, watch, ...'),
  resource: listFlag('pods, deployments.apps, pods/log'),
  'resource-name': listFlag('Only objects of these names'),
} as const satisfies Flags;

export default class CreateRole extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Role';
  static override usage = 'NAME --verb=VERB --resource=RESOURCE';
  static override examples = ['slipway create role reader --verb=get,list --resource=pods'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('roles', 'rbac.authorization.k8s.io');
    if (!this.flags.verb.length) throw new UsageError('at least one verb must be specified');
    if (!this.flags.resource.length) throw new UsageError('at least one resource must be specified');
    const { resources: catalog } = await this.session();
    const byGroup = new Map<string, string[]>();
    for (const word of this.flags.resource) {
      const [type = '', subresource] = word.split('/');
      const found = await catalog.byArgument(type);
      const plural = subresource ? `${found.plural}/${subresource}` : found.plural;
      byGroup.set(found.group, [...(byGroup.get(found.group) ?? []), plural]);
    }
    const names = this.flags['resource-name'];
    const rules = [...byGroup].map(([group, resources]) => ({
      apiGroups: [group],
      resources,
      verbs: this.flags.verb,
      ...(names.length ? { resourceNames: names } : {}),
    }));
    const object = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name }, rules };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
