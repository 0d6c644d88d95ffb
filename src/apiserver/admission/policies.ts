import { mutatingAdmissionPolicy } from '../../api/admissionregistration/mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBinding } from '../../api/admissionregistration/mutating-admission-policy-binding.ts';
import { validatingAdmissionPolicy } from '../../api/admissionregistration/validating-admission-policy.ts';
import { validatingAdmissionPolicyBinding } from '../../api/admissionregistration/validating-admission-policy-binding.ts';
import { fromCel } from '../../api/cel/cel-values.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { type StatusError, type StatusReason, statusError } from '../../api/meta/status.ts';
import { mergeApplied } from '../../api/patch/apply.ts';
import { applyPatch } from '../../api/patch/patch.ts';
import type {
  MutatingAdmissionPolicySpec,
  Mutation,
  ValidatingAdmissionPolicySpec,
  Validation,
} from '../../api/types/admissionregistration-v1.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionWorld } from './admission.ts';
import { FollowedObjects } from './followed-objects.ts';
import { type BoundPolicy, bindPolicies, casesOf, type PolicyCase } from './policy-rules.ts';
import { isExempt } from './request-match.ts';
import { conditionFailed } from './webhook-review.ts';
import { replaceObject } from './webhooks.ts';

const MOST_MESSAGE_CHARACTERS = 5 * 1024;
const CODES: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 };

interface Denial {
  readonly message: string;
  readonly reason: StatusReason;
}

/** Checks every write against the ValidatingAdmissionPolicies that are bound to it. */
export const createValidatingPolicies = (world: AdmissionWorld): AdmissionPlugin => {
  const kinds = [validatingAdmissionPolicy, validatingAdmissionPolicyBinding];
  const followed = new FollowedObjects(world.cache, kinds, bindPolicies<ValidatingAdmissionPolicySpec>);
  return {
    name: 'ValidatingAdmissionPolicy',
    resources: ['*'],
    connects: true,
    async validate(request) {
      if (isExempt(request)) return;
      for (const bound of await followed.current()) {
        const denials = await denialsOf(world, bound, request);
        const actions = bound.bindingSpec.validationActions ?? [];
        for (const { message } of denials)
          if (actions.includes('Warn'))
            request.warn(`Validation failed for ValidatingAdmissionPolicy '${bound.policy}' with binding '${bound.binding}': ${message}`);
        const [first] = denials;
        if (first && actions.includes('Deny')) throw denied(request, bound, first);
      }
    },
  };
};

const denialsOf = async (
  world: AdmissionWorld,
  bound: BoundPolicy<ValidatingAdmissionPolicySpec>,
  request: AdmissionRequest,
): Promise<Denial[]> => {
  const failsOpen = bound.spec.failurePolicy === 'Ignore';
  let cases: PolicyCase[];
  try {
    cases = await casesOf(world, bound, request);
  } catch (error) {
    return failsOpen ? [] : [{ message: (error as Error).message, reason: 'Invalid' }];
  }
  return cases.flatMap((one) =>
    (bound.spec.validations ?? []).flatMap((validation) => {
      try {
        if (one.evaluate(validation.expression) === true) return [];
      } catch (error) {
        const message = `expression '${validation.expression}' resulted in error: ${(error as Error).message}`;
        return failsOpen ? [] : [{ message, reason: 'Invalid' as const }];
      }
      return [{ message: messageOf(validation, one), reason: (validation.reason ?? 'Invalid') as StatusReason }];
    }),
  );
};

const messageOf = ({ expression, message, messageExpression }: Validation, { evaluate }: PolicyCase): string => {
  if (messageExpression)
    try {
      const text = evaluate(messageExpression);
      if (typeof text === 'string' && text.trim() && !text.includes('\n') && text.length <= MOST_MESSAGE_CHARACTERS) return text.trim();
    } catch {
      // The plain message stands in for one that cannot be computed, as upstream has it.
    }
  return message?.trim() || `failed expression: ${expression.trim()}`;
};

const denied = (
  request: AdmissionRequest,
  { policy, binding }: { policy: string; binding: string },
  { message, reason }: Denial,
): StatusError => {
  const text = `ValidatingAdmissionPolicy '${policy}' with binding '${binding}' denied request: ${message}`;
  const { status } = conditionFailed(request.kind, request.name, text);
  return statusError(CODES[reason] ?? 422, reason, status.message ?? '', { ...status.details, causes: [{ message: text }] });
};

/** Changes writes as the MutatingAdmissionPolicies that are bound to them say. */
export const createMutatingPolicies = (world: AdmissionWorld): AdmissionPlugin => {
  const kinds = [mutatingAdmissionPolicy, mutatingAdmissionPolicyBinding];
  const followed = new FollowedObjects(world.cache, kinds, bindPolicies<MutatingAdmissionPolicySpec>);
  const admit = async (request: AdmissionRequest, all: readonly BoundPolicy<MutatingAdmissionPolicySpec>[]): Promise<void> => {
    const called = request.reinvocation?.called;
    for (const bound of all) {
      if (called && !(called.has(bound) && bound.spec.reinvocationPolicy === 'IfNeeded')) continue;
      try {
        const applied = await applyPolicy(world, bound, request);
        if (applied) request.mutated.called.add(bound);
      } catch (error) {
        if (bound.spec.failurePolicy === 'Ignore') continue;
        const text = `policy '${bound.policy}' with binding '${bound.binding}' denied request: ${(error as Error).message}`;
        throw conditionFailed(request.kind, request.name, text);
      }
    }
  };
  return {
    name: 'MutatingAdmissionPolicy',
    resources: ['*'],
    admit(request) {
      if (isExempt(request) || !request.object) return;
      const current = followed.current();
      if (current instanceof Promise) return current.then((all) => admit(request, all));
      if (current.length > 0) return admit(request, current);
    },
  };
};

/** Whether the policy matched. Each mutation sees what the one before it has made. */
const applyPolicy = async (
  world: AdmissionWorld,
  bound: BoundPolicy<MutatingAdmissionPolicySpec>,
  request: AdmissionRequest,
): Promise<boolean> => {
  let matched = false;
  for (const [at, mutation] of (bound.spec.mutations ?? []).entries()) {
    const count = (await casesOf(world, bound, request)).length;
    for (let index = 0; index < count; index++) {
      // Asked again for each, for the one before may have changed the object.
      const one = (await casesOf(world, bound, request))[index];
      if (one && request.object) replaceObject(request, one.kind, mutated(request.object, { one, mutation, request }));
    }
    if (count > 0) matched = true;
    else if (at === 0) return false;
  }
  return matched;
};

const mutated = (
  object: KubeObject,
  { one, mutation, request }: { one: PolicyCase; mutation: Mutation; request: AdmissionRequest },
): unknown => {
  if (mutation.applyConfiguration) {
    const applied = fromCel(one.evaluate(mutation.applyConfiguration.expression ?? ''));
    return mergeApplied(one.kind, object, { metadata: {}, ...(applied as Record<string, unknown>) }, request.subresource);
  }
  const patch = fromCel(one.evaluate(mutation.jsonPatch?.expression ?? ''));
  return applyPatch(one.kind, object, 'application/json-patch+json', patch);
};
