import { type Flags, listFlag } from '../args/flags.ts';
import { UsageError } from '../errors.ts';
import type { ResourceCatalog } from './resource-catalog.ts';

/** What `create role` and `create clusterrole` make rules of. */
export const POLICY_RULE_FLAGS = {
  verb: listFlag('get, list, watch, ...'),
  resource: listFlag('pods, deployments.apps, pods/log'),
  'resource-name': listFlag('Only objects of these names'),
} as const satisfies Flags;

interface RuleWords {
  readonly verb: readonly string[];
  readonly resource: readonly string[];
  readonly 'resource-name': readonly string[];
}

/** One RBAC rule for each API group that the resources belong to. Throws `UsageError` when verbs or resources are left out. */
export const policyRules = async (words: RuleWords, catalog: Pick<ResourceCatalog, 'byArgument'>): Promise<object[]> => {
  if (!words.verb.length) throw new UsageError('at least one verb must be specified');
  if (!words.resource.length) throw new UsageError('at least one resource must be specified');
  const byGroup = new Map<string, string[]>();
  for (const word of words.resource) {
    const [type = '', subresource] = word.split('/');
    const found = await catalog.byArgument(type);
    const plural = subresource ? `${found.plural}/${subresource}` : found.plural;
    byGroup.set(found.group, [...(byGroup.get(found.group) ?? []), plural]);
  }
  const names = words['resource-name'];
  return [...byGroup].map(([group, resources]) => ({
    apiGroups: [group],
    resources,
    verbs: words.verb,
    ...(names.length ? { resourceNames: names } : {}),
  }));
};
