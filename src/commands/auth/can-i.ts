import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { UsageError } from '../../cli/errors.ts';
import { KubeCommand } from '../../cli/kube-command.ts';
import { renderRows } from '../../cli/output/text-table.ts';

const flags = {
  'all-namespaces': booleanFlag('In every namespace', { char: 'A' }),
  list: booleanFlag('Show all that is allowed'),
  quiet: booleanFlag('Only the exit code', { char: 'q' }),
  subresource: textFlag('Subresource, such as log'),
  'no-headers': booleanFlag('Without the line of headers'),
} as const satisfies Flags;

interface Rule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

export default class CanI extends KubeCommand<typeof flags> {
  static override summary = 'Whether you may do something; exit code 1 means no';
  static override usage = 'VERB (TYPE | TYPE/NAME | /URL) [flags]';
  static override examples = [
    'slipway auth can-i create deployments',
    'slipway auth can-i --list',
    'slipway auth can-i get pods --as system:serviceaccount:default:robot',
  ];
  static override flags = flags;

  async run(): Promise<number> {
    const session = await this.session();
    if (this.flags.list) return this.list(session.namespace);
    const [verb, what, extra] = this.args;
    if (!verb || !what) throw new UsageError('you must specify two or three arguments: verb, resource, and optional resourceName');
    const namespace = this.flags['all-namespaces'] ? '' : session.namespace;
    let spec: object;
    if (what.startsWith('/')) spec = { nonResourceAttributes: { verb, path: what } };
    else {
      const [type = '', named] = what.split('/');
      const resource =
        type === '*'
          ? { plural: '*', group: '*', namespaced: true }
          : await session.resources.byArgument(type).catch(() => ({ plural: type, group: '', namespaced: true }));
      const { subresource } = this.flags;
      const name = named ?? extra;
      spec = {
        resourceAttributes: {
          verb,
          group: resource.group,
          resource: resource.plural,
          ...(resource.namespaced ? { namespace } : {}),
          ...(subresource ? { subresource } : {}),
          ...(name ? { name } : {}),
        },
      };
      if (!resource.namespaced && !this.flags.quiet)
        this.io.err(
          `Warning: resource '${resource.plural}' is not namespace scoped${resource.group ? ` in group '${resource.group}'` : ''}\n\n`,
        );
    }
    const review = await this.send<{ metadata: object; status: { allowed: boolean; reason?: string } }>({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata: {}, spec },
    });
    const { allowed, reason } = review.status;
    if (!this.flags.quiet) this.io.out(allowed ? 'yes\n' : `no${reason ? ` - ${reason}` : ''}\n`);
    return allowed ? 0 : 1;
  }

  private async list(namespace: string): Promise<number> {
    const review = await this.send<{ metadata: object; status: { resourceRules: Rule[]; nonResourceRules: Rule[] } }>({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', metadata: {}, spec: { namespace } },
    });
    const bracket = (list: readonly string[] = []): string => `[${list.join(' ')}]`;
    const rows = [
      ...review.status.resourceRules.flatMap((rule) =>
        (rule.resources ?? []).flatMap((resource) =>
          (rule.apiGroups ?? ['']).map((group) => [
            group ? `${resource}.${group}` : resource,
            '[]',
            bracket(rule.resourceNames),
            bracket(rule.verbs),
          ]),
        ),
      ),
      ...review.status.nonResourceRules.map((rule) => ['', bracket(rule.nonResourceURLs), '[]', bracket(rule.verbs)]),
    ];
    this.io.out(
      renderRows([...(this.flags['no-headers'] ? [] : [['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs']]), ...rows]),
    );
    return 0;
  }
}
