import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { ParsedSelector } from '../../api/meta/selector.ts';
import type { Scheme } from '../../api/scheme.ts';
import type { NamedRuleWithOperations, RuleWithOperations } from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionRequest } from './admission.ts';

/** What webhooks and policies say about the requests that concern them. */
export interface Matcher {
  readonly rules: readonly NamedRuleWithOperations[];
  readonly exclude?: readonly NamedRuleWithOperations[];
  readonly equivalent: boolean;
  readonly namespaceSelector: ParsedSelector;
  readonly objectSelector: ParsedSelector;
}

const EXEMPT = new Set([
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
]);

/** What configures admission is never subject to it: a cluster could not be mended otherwise. */
export const isExempt = ({ kind }: Pick<AdmissionRequest, 'kind'>): boolean =>
  kind.group === 'admissionregistration.k8s.io' && EXEMPT.has(kind.plural);

/**
 * The kind in whose version the request concerns the matcher: the request's own, an equivalent one where the matcher wants those, or
 * undefined. `namespaceLabels` are those of the request's namespace; undefined for what lives in none.
 */
export const matchedKind = (
  matcher: Matcher,
  request: AdmissionRequest,
  { scheme, namespaceLabels }: { scheme: Scheme; namespaceLabels: Readonly<Record<string, string>> | undefined },
): Kind | undefined => {
  if (namespaceLabels && !matcher.namespaceSelector.matches(namespaceLabels)) return undefined;
  if (!selectsObject(matcher.objectSelector, request)) return undefined;
  for (const kind of kindsFor(matcher, request, scheme))
    if (matcher.exclude?.some((rule) => ruleMatches(rule, kind, request))) return undefined;
  for (const kind of kindsFor(matcher, request, scheme)) if (matcher.rules.some((rule) => ruleMatches(rule, kind, request))) return kind;
  return undefined;
};

const kindsFor = (matcher: Matcher, { kind }: AdmissionRequest, scheme: Scheme): readonly Kind[] =>
  matcher.equivalent
    ? [
        kind,
        ...scheme.kinds.filter(
          (one) =>
            one !== kind && one.kind === kind.kind && one.storageGroup === kind.storageGroup && one.storageVersion === kind.storageVersion,
        ),
      ]
    : [kind];

const selectsObject = (selector: ParsedSelector, { object, old }: AdmissionRequest): boolean => {
  if (selector.requirements.length === 0) return true;
  return [object, old].some((one: KubeObject | undefined) => one?.metadata !== undefined && selector.matches(one.metadata.labels ?? {}));
};

const has = (list: readonly string[] | undefined, value: string): boolean => !!list && (list.includes('*') || list.includes(value));

/** Whether one rule names the request when its resource is seen as `kind`. */
const ruleMatches = (
  rule: RuleWithOperations & { resourceNames?: readonly string[] },
  kind: Pick<Kind, 'group' | 'version' | 'plural' | 'namespaced'>,
  { operation, subresource, name }: Pick<AdmissionRequest, 'operation' | 'subresource' | 'name'>,
): boolean => {
  if (!has(rule.operations, operation) || !has(rule.apiGroups, kind.group) || !has(rule.apiVersions, kind.version)) return false;
  if (rule.scope === 'Namespaced' && !kind.namespaced) return false;
  if (rule.scope === 'Cluster' && kind.namespaced) return false;
  if (rule.resourceNames?.length && !rule.resourceNames.includes(name)) return false;
  return (rule.resources ?? []).some((resource) => {
    const [plural = '', sub = ''] = resource.split('/');
    if (plural !== '*' && plural !== kind.plural) return false;
    return sub === '*' || sub === subresource;
  });
};
