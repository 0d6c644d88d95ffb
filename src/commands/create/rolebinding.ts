import { type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  clusterrole: textFlag('ClusterRole to give'),
  role: textFlag('Role to give'),
  user: listFlag('Users'),
  group: listFlag('Groups'),
  serviceaccount: listFlag('Service accounts, NAMESPACE:NAME'),
} as const satisfies Flags;

export default class CreateRoleBinding extends ObjectCommand<typeof flags> {
  static override summary = 'Create a RoleBinding';
  static override usage = 'NAME --clusterrole=NAME [--user=NAME] [--group=NAME] [--serviceaccount=NS:NAME]';
  static override examples = ['slipway create rolebinding view --clusterrole=view --serviceaccount=default:robot'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const resource = builtinResource('rolebindings', 'rbac.authorization.k8s.io');
    const { clusterrole, role } = this.flags;
    if (Boolean(clusterrole) === Boolean(role)) throw new UsageError('exactly one of clusterrole or role must be specified');
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: role ? 'Role' : 'ClusterRole', name: role ?? clusterrole };
    const named = (kind: string) => (subject: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: subject });
    const accounts = this.flags.serviceaccount.map((text) => {
      const [namespace, account] = text.split(':');
      if (!namespace || !account) throw new UsageError('serviceaccount must be <namespace>:<name>');
      return { kind: 'ServiceAccount', name: account, namespace };
    });
    const subjects = [...this.flags.user.map(named('User')), ...this.flags.group.map(named('Group')), ...accounts];
    const object = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name }, roleRef, subjects };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}
