import type { KubeObject } from '../../api/meta/object.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { RbacAuthorizer } from '../auth/rbac-authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionWorld } from './admission.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Nobody gives away, in a role or a binding, what they do not have themselves, unless they may `escalate` or `bind`. */
export const createRbacEscalation = ({ authorize, rbac }: AdmissionWorld): AdmissionPlugin => ({
  name: 'RBACEscalation',
  resources: [`${GROUP}/roles`, `${GROUP}/clusterroles`, `${GROUP}/rolebindings`, `${GROUP}/clusterrolebindings`],
  async validate(request) {
    const { object, operation, user, kind } = request;
    if (!object || operation === 'DELETE' || user.groups.includes('system:masters')) return;
    const isBinding = kind.plural.endsWith('bindings');
    const field = isBinding ? ['roleRef', 'subjects'] : ['rules', 'aggregationRule'];
    if (request.old && field.every((name) => JSON.stringify(request.old?.[name]) === JSON.stringify(object[name]))) return;
    const namespace = kind.namespaced ? request.namespace : '';
    const reference = object['roleRef'] as { kind: string; name: string } | undefined;
    const asked = isBinding
      ? { verb: 'bind', resource: reference?.kind === 'ClusterRole' ? 'clusterroles' : 'roles', name: reference?.name ?? '' }
      : { verb: 'escalate', resource: kind.plural, name: request.name };
    const free = await authorize({ user, group: GROUP, version: '*', subresource: '', namespace, path: '', ...asked });
    if (free.allowed) return;
    const rules = isBinding ? await rbac.rulesOfRole(reference as { kind: string; name: string }, namespace) : rulesGiven(object);
    if (!rules) return;
    await checkCovered(request, { user, namespace, rules, rbac });
  },
});

/** A role that gathers others' rules gives away whatever they will hold: only who has everything may make one. */
const rulesGiven = (object: KubeObject): readonly PolicyRule[] =>
  object['aggregationRule'] ? ALL : ((object['rules'] as PolicyRule[] | null | undefined) ?? []);

const ALL: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

const checkCovered = async (
  request: AdmissionRequest,
  given: { user: UserInfo; namespace: string; rules: readonly PolicyRule[]; rbac: RbacAuthorizer },
): Promise<void> => {
  const { rules: own } = await given.rbac.rulesFor(given.user, given.namespace);
  const missing = given.rules.flatMap(singleRules).filter((rule) => !own.some((one) => covers(one, rule)));
  if (missing.length === 0) return;
  const lines = [...new Set(missing.map(ruleText))].sort();
  throw forbidden(
    { group: GROUP, resource: request.kind.plural, name: request.name },
    `user ${JSON.stringify(given.user.name)} (groups=${JSON.stringify(given.user.groups).replaceAll('","', '" "')}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`,
  );
};

/** One rule as many, each of one verb, group, resource and name. */
const singleRules = (rule: PolicyRule): PolicyRule[] => {
  const single: PolicyRule[] = [];
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) single.push({ verbs: [verb], nonResourceURLs: [url] });
    for (const group of rule.apiGroups ?? [])
      for (const resource of rule.resources ?? []) {
        const base = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (!rule.resourceNames?.length) single.push(base);
        for (const name of rule.resourceNames ?? []) single.push({ ...base, resourceNames: [name] });
      }
  }
  return single;
};

const includes = (values: readonly string[] | undefined, wanted: string): boolean =>
  !!values && (values.includes('*') || values.includes(wanted));

const covers = (own: PolicyRule, wanted: PolicyRule): boolean => {
  if (!includes(own.verbs, wanted.verbs[0] as string)) return false;
  const url = wanted.nonResourceURLs?.[0];
  if (url !== undefined)
    return (own.nonResourceURLs ?? []).some((one) => one === '*' || one === url || (one.endsWith('*') && url.startsWith(one.slice(0, -1))));
  if (!includes(own.apiGroups, wanted.apiGroups?.[0] as string)) return false;
  const resource = wanted.resources?.[0] as string;
  const slash = resource.indexOf('/');
  const byResource = includes(own.resources, resource) || (slash > 0 && !!own.resources?.includes(`*${resource.slice(slash)}`));
  if (!byResource) return false;
  return !own.resourceNames?.length || (!!wanted.resourceNames?.length && own.resourceNames.includes(wanted.resourceNames[0] as string));
};

const ruleText = (rule: PolicyRule): string => {
  const parts: string[] = [];
  const add = (name: string, values: readonly string[] | undefined): void => {
    if (values?.length) parts.push(`${name}:${JSON.stringify(values)}`);
  };
  add('APIGroups', rule.apiGroups);
  add('Resources', rule.resources);
  add('ResourceNames', rule.resourceNames);
  add('NonResourceURLs', rule.nonResourceURLs);
  add('Verbs', rule.verbs);
  return `{${parts.join(', ')}}`;
};
