import { mutatingWebhookConfiguration } from '../../api/admissionregistration/mutating-webhook-configuration.ts';
import { validatingWebhookConfiguration } from '../../api/admissionregistration/validating-webhook-configuration.ts';
import { CONDITION_VARIABLES, compileCel } from '../../api/cel/cel-program.ts';
import { toCel } from '../../api/cel/cel-values.ts';
import { namespace } from '../../api/core/namespace.ts';
import { decodeObject } from '../../api/decode.ts';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { selectorFromObject } from '../../api/meta/selector.ts';
import { internalError } from '../../api/meta/status.ts';
import { applyPatch } from '../../api/patch/patch.ts';
import type { MatchCondition, MutatingWebhook } from '../../api/types/admissionregistration-v1.ts';
import { isCustom } from '../custom/custom-kind.ts';
import { convertBetween } from '../registry/convert.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionWorld } from './admission.ts';
import { FollowedObjects } from './followed-objects.ts';
import { isExempt, type Matcher, matchedKind } from './request-match.ts';
import {
  conditionFailed,
  failClosed,
  namespaceOf,
  type ReviewRequest,
  review,
  reviewRequestOf,
  WebhookCallError,
} from './webhook-review.ts';

interface Hook {
  readonly webhook: MutatingWebhook;
  readonly matcher: Matcher;
}

/** A webhook that is to be asked, and about what. */
interface Invocation {
  readonly hook: Hook;
  readonly kind: Kind;
  readonly body: ReviewRequest;
}

type Configuration = KubeObject & { webhooks?: MutatingWebhook[] };

const compile = ([configurations = []]: readonly KubeObject[][]): readonly Hook[] =>
  configurations.flatMap((one) =>
    ((one as Configuration).webhooks ?? []).map((webhook) => ({
      webhook,
      matcher: {
        rules: webhook.rules ?? [],
        equivalent: webhook.matchPolicy !== 'Exact',
        namespaceSelector: selectorFromObject(webhook.namespaceSelector ?? {}),
        objectSelector: selectorFromObject(webhook.objectSelector ?? {}),
      },
    })),
  );

/** Labels by which a namespace selector selects; undefined where there is no namespace to select. */
export const namespaceLabelsOf = async (
  { cache }: AdmissionWorld,
  request: AdmissionRequest,
): Promise<Readonly<Record<string, string>> | undefined> => {
  const name = namespaceOf(request);
  if (!name) return undefined;
  if (request.kind.plural === 'namespaces' && request.object && request.subresource === '') return request.object.metadata.labels ?? {};
  return (await cache.resource(namespace).get({ name }))?.labels ?? {};
};

/** Asks the webhooks of MutatingWebhookConfigurations one after another; each sees what those before it have made. */
export const createMutatingWebhooks = (world: AdmissionWorld): AdmissionPlugin => {
  const hooks = new FollowedObjects(world.cache, [mutatingWebhookConfiguration], compile);
  const admit = async (request: AdmissionRequest, all: readonly Hook[]): Promise<void> => {
    const called = request.reinvocation?.called;
    for (const hook of all) {
      if (called && !(called.has(hook) && hook.webhook.reinvocationPolicy === 'IfNeeded')) continue;
      const invocation = await invocationOf(world, hook, request);
      if (!invocation) continue;
      request.mutated.called.add(hook);
      const patch = await ask(world, invocation, request);
      if (Array.isArray(patch) && patch.length > 0) applyTo(request, invocation, patch);
    }
  };
  return {
    name: 'MutatingAdmissionWebhook',
    resources: ['*'],
    connects: true,
    admit(request) {
      if (isExempt(request)) return;
      const current = hooks.current();
      if (current instanceof Promise) return current.then((all) => admit(request, all));
      if (current.length > 0) return admit(request, current);
    },
  };
};

/** Asks the webhooks of ValidatingWebhookConfigurations, all at once. */
export const createValidatingWebhooks = (world: AdmissionWorld): AdmissionPlugin => {
  const hooks = new FollowedObjects(world.cache, [validatingWebhookConfiguration], compile);
  return {
    name: 'ValidatingAdmissionWebhook',
    resources: ['*'],
    connects: true,
    async validate(request) {
      if (isExempt(request)) return;
      const all = await hooks.current();
      if (all.length === 0) return;
      const invocations = await Promise.all(all.map((hook) => invocationOf(world, hook, request)));
      await Promise.all(invocations.map((invocation) => invocation && ask(world, invocation, request)));
    },
  };
};

const invocationOf = async (world: AdmissionWorld, hook: Hook, request: AdmissionRequest): Promise<Invocation | undefined> => {
  const scheme = world.scheme();
  const kind = matchedKind(hook.matcher, request, { scheme, namespaceLabels: await namespaceLabelsOf(world, request) });
  if (!kind) return undefined;
  const seen = async (object: KubeObject | undefined) =>
    object && kind !== request.kind && !request.subresource ? convertBetween(request.kind, kind, object) : object;
  const body = reviewRequestOf(request, { kind, object: await seen(request.object), old: await seen(request.old) });
  const conditions = hook.webhook.matchConditions ?? [];
  if (conditions.length && !conditionsHold(conditions, body, { request, ignoreErrors: hook.webhook.failurePolicy === 'Ignore' }))
    return undefined;
  return { hook, kind, body };
};

/** Whether all hold. One that is false decides, whatever is wrong with others. */
const conditionsHold = (
  conditions: readonly MatchCondition[],
  body: ReviewRequest,
  { request, ignoreErrors }: { request: AdmissionRequest; ignoreErrors: boolean },
): boolean => {
  const variables = { object: toCel(body['object']), oldObject: toCel(body['oldObject']), request: toCel(body), authorizer: null };
  let failed: unknown;
  for (const { expression } of conditions)
    try {
      if (compileCel(expression, CONDITION_VARIABLES, 'bool').evaluate(variables) === false) return false;
    } catch (error) {
      failed = error;
    }
  if (failed === undefined) return true;
  if (ignoreErrors) return false;
  throw conditionFailed(request.kind, request.name, (failed as Error).message);
};

/** The patch that the webhook wants. A webhook without an answer is passed over where its configuration says so. */
const ask = async (world: AdmissionWorld, { hook, body }: Invocation, request: AdmissionRequest): Promise<unknown> => {
  try {
    return (await review(world.webhooks, hook.webhook, { request, body })).patch;
  } catch (error) {
    if (!(error instanceof WebhookCallError)) throw error;
    if (hook.webhook.failurePolicy === 'Ignore') {
      world.log.warn('webhook failed and was passed over', { webhook: hook.webhook.name, error: error.message });
      return undefined;
    }
    throw failClosed(error);
  }
};

const applyTo = (request: AdmissionRequest, { hook, kind, body }: Invocation, patch: unknown[]): void => {
  const name = JSON.stringify(hook.webhook.name);
  if (!request.object)
    throw internalError(`admission webhook ${name} attempted to modify the object, which is not supported for this operation`);
  let patched: unknown;
  try {
    patched = applyPatch(kind, body['object'], 'application/json-patch+json', patch);
  } catch (error) {
    throw internalError((error as Error).message);
  }
  replaceObject(request, kind, patched);
};

/** Puts what a webhook or policy made in place of the request's object: pruned and with defaults, as if the client had sent it. */
export const replaceObject = (request: AdmissionRequest, kind: Kind, made: unknown): void => {
  const { object } = request;
  if (!object) return;
  let next = made as KubeObject;
  if (!request.subresource || request.subresource === 'status') {
    next = decodeObject(kind, made, { fieldValidation: 'Ignore' }).object;
    if (isCustom(kind)) kind.prune(next);
    kind.setDefaults?.(next);
    // Converted back only between versions that hold the same: a webhook of a definition that converts sees its own version.
    if (kind !== request.kind) next = { ...next, kind: object.kind, apiVersion: object.apiVersion } as KubeObject;
  }
  if (JSON.stringify(next) === JSON.stringify(object)) return;
  request.mutated.changed = true;
  // In place: the registry holds the object and its metadata.
  const { metadata } = object;
  for (const field of Object.keys(metadata)) delete (metadata as Record<string, unknown>)[field];
  Object.assign(metadata, next.metadata);
  for (const field of Object.keys(object)) if (!(field in next)) delete object[field];
  Object.assign(object, next, { metadata });
};
