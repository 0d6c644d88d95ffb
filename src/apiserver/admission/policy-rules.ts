import { ADMISSION_VARIABLES, type CelProgram, compileCel } from '../../api/cel/cel-program.ts';
import { toCel } from '../../api/cel/cel-values.ts';
import { namespace } from '../../api/core/namespace.ts';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { selectorFromObject } from '../../api/meta/selector.ts';
import type {
  MatchCondition,
  MatchResources,
  MutatingAdmissionPolicyBindingSpec,
  MutatingAdmissionPolicySpec,
  ParamKind,
  ParamRef,
  Variable,
} from '../../api/types/admissionregistration-v1.ts';
import { convertBetween } from '../registry/convert.ts';
import type { AdmissionRequest, AdmissionWorld } from './admission.ts';
import { type Matcher, matchedKind } from './request-match.ts';
import { namespaceOf, reviewRequestOf } from './webhook-review.ts';
import { namespaceLabelsOf } from './webhooks.ts';

/** A policy with one of its bindings: both must match. Works for validating and mutating policies alike. */
export interface BoundPolicy<Spec> {
  readonly policy: string;
  readonly binding: string;
  readonly spec: Spec;
  readonly bindingSpec: MutatingAdmissionPolicyBindingSpec & { validationActions?: readonly string[] };
  readonly matchers: readonly Matcher[];
}

type Compared = Pick<MutatingAdmissionPolicySpec, 'matchConstraints' | 'matchConditions' | 'failurePolicy' | 'paramKind' | 'variables'>;

const ANY_RULE = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*', '*/*'] }];

const matcherOf = (match: MatchResources | undefined): Matcher => ({
  rules: match?.resourceRules?.length ? match.resourceRules : ANY_RULE,
  exclude: match?.excludeResourceRules ?? [],
  equivalent: match?.matchPolicy !== 'Exact',
  namespaceSelector: selectorFromObject(match?.namespaceSelector ?? {}),
  objectSelector: selectorFromObject(match?.objectSelector ?? {}),
});

/** Every binding with its policy; bindings of policies that are not there do nothing. */
export const bindPolicies = <Spec extends Compared>([
  policies = [],
  bindings = [],
]: readonly KubeObject[][]): readonly BoundPolicy<Spec>[] =>
  policies.flatMap((policy) => {
    const spec = policy['spec'] as Spec;
    return bindings
      .filter((binding) => (binding['spec'] as MutatingAdmissionPolicyBindingSpec).policyName === policy.metadata.name)
      .map((binding) => {
        const bindingSpec = binding['spec'] as BoundPolicy<Spec>['bindingSpec'];
        const matchers = [matcherOf(spec.matchConstraints), ...(bindingSpec.matchResources ? [matcherOf(bindingSpec.matchResources)] : [])];
        return { policy: policy.metadata.name ?? '', binding: binding.metadata.name ?? '', spec, bindingSpec, matchers };
      });
  });

/** One evaluation of a policy: for one parameter object, or for none. */
export interface PolicyCase {
  readonly kind: Kind;
  /** Throws an Error with one line. */
  evaluate(expression: string): unknown;
}

/** The cases of a policy that the request gives rise to; none when it does not match. Throws an Error when that cannot be told. */
export const casesOf = async <Spec extends Compared>(
  world: AdmissionWorld,
  bound: BoundPolicy<Spec>,
  request: AdmissionRequest,
): Promise<PolicyCase[]> => {
  const namespaceLabels = await namespaceLabelsOf(world, request);
  let kind: Kind | undefined;
  for (const matcher of bound.matchers) {
    const matched = matchedKind(matcher, request, { scheme: world.scheme(), namespaceLabels });
    if (!matched) return [];
    kind ??= matched;
  }
  if (!kind) return [];
  const seen = kind;
  const inKind = async (object: KubeObject | undefined) =>
    object && seen !== request.kind && !request.subresource ? convertBetween(request.kind, seen, object) : object;
  const [object, old] = [await inKind(request.object), await inKind(request.old)];
  const name = namespaceOf(request);
  const namespaceItem = name ? await world.cache.resource(namespace).get({ name }) : undefined;
  const shared = {
    object: toCel(object ?? null),
    oldObject: toCel(old ?? null),
    request: toCel(reviewRequestOf(request, { kind, object: undefined, old: undefined })),
    namespaceObject: toCel(namespaceItem?.object ?? null),
    authorizer: null,
  };
  const cases: PolicyCase[] = [];
  for (const params of await paramsOf(world, bound, request)) {
    const values = { ...shared, params: toCel(params ?? null), variables: {} };
    values.variables = lazyVariables(bound.spec.variables ?? [], values);
    const evaluate = (expression: string): unknown => programOf(expression).evaluate(values);
    if (conditionsHold(bound.spec.matchConditions ?? [], evaluate)) cases.push({ kind, evaluate });
  }
  return cases;
};

const programOf = (expression: string): CelProgram => compileCel(expression, ADMISSION_VARIABLES);

const conditionsHold = (conditions: readonly MatchCondition[], evaluate: (expression: string) => unknown): boolean => {
  let failed: unknown;
  for (const { expression } of conditions)
    try {
      if (evaluate(expression) === false) return false;
    } catch (error) {
      failed = error;
    }
  if (failed !== undefined) throw failed;
  return true;
};

/** A variable is computed when it is first used, and may use those before it. */
const lazyVariables = (variables: readonly Variable[], values: Record<string, unknown>): Record<string, unknown> => {
  const result: Record<string, unknown> = {};
  for (const { name, expression } of variables)
    Object.defineProperty(result, name, {
      enumerable: true,
      configurable: true,
      get: () => {
        const value = programOf(expression).evaluate({ ...values, variables: result });
        Object.defineProperty(result, name, { value, enumerable: true });
        return value;
      },
    });
  return result;
};

const paramsOf = async <Spec extends Compared>(
  world: AdmissionWorld,
  { spec, bindingSpec }: BoundPolicy<Spec>,
  request: AdmissionRequest,
): Promise<readonly (KubeObject | undefined)[]> => {
  const { paramRef } = bindingSpec;
  if (!spec.paramKind || !paramRef) return [undefined];
  const found = await findParams(world, spec.paramKind, { paramRef, request });
  if (found.length > 0) return found;
  if (paramRef.parameterNotFoundAction === 'Allow') return [];
  throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
};

const findParams = async (
  world: AdmissionWorld,
  { apiVersion = '', kind: kindName = '' }: ParamKind,
  { paramRef, request }: { paramRef: ParamRef; request: AdmissionRequest },
): Promise<KubeObject[]> => {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const kind = world.scheme().byKind(group, version, kindName);
  if (!kind) throw new Error(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kindName}'`);
  const resource = world.cache.resource(world.scheme().storageKindOf(kind));
  const where = kind.namespaced ? paramRef.namespace || namespaceOf(request) : '';
  if (paramRef.name) {
    const item = await resource.get({ namespace: where, name: paramRef.name });
    return item ? [item.object] : [];
  }
  const { items } = await resource.list({ namespace: where, labels: selectorFromObject(paramRef.selector ?? {}) });
  return items.map((item) => item.object);
};
