import { randomUUID } from 'node:crypto';
import type { Kind } from '../../api/kind.ts';
import { apiVersionOf, type KubeObject } from '../../api/meta/object.ts';
import { badRequest, internalError, type Status, StatusError, statusError } from '../../api/meta/status.ts';
import type { MutatingWebhook } from '../../api/types/admissionregistration-v1.ts';
import type { WebhookAddress, WebhookClient } from '../webhooks/webhook-client.ts';
import type { AdmissionRequest } from './admission.ts';

/** The `request` of an AdmissionReview; also what expressions see under that name. */
export interface ReviewRequest {
  readonly uid: string;
  readonly [field: string]: unknown;
}

export interface ReviewAnswer {
  /** A JSON patch, parsed. */
  readonly patch: unknown;
}

/** A webhook that could not be asked: what follows is the configuration's `failurePolicy`. */
export class WebhookCallError extends Error {
  constructor(name: string, cause: string) {
    super(`failed calling webhook ${JSON.stringify(name)}: ${cause}`);
    this.name = 'WebhookCallError';
  }
}

const OPTIONS: Readonly<Record<string, string>> = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' };

/** `kind` is the version in which the webhook wants to see the request; `object` and `old` are in it already. */
export const reviewRequestOf = (
  request: AdmissionRequest,
  { kind, object, old }: { kind: Kind; object: KubeObject | undefined; old: KubeObject | undefined },
): ReviewRequest => {
  const { user } = request;
  const resource = (of: Kind) => ({ group: of.group, version: of.version, resource: of.plural });
  const body = (of: Kind) => {
    const sub = request.subresource ? of.subresources[request.subresource] : undefined;
    return { group: sub?.group ?? of.group, version: sub?.version ?? of.version, kind: sub?.kind ?? of.kind };
  };
  const subresource = request.subresource ? { subResource: request.subresource, requestSubResource: request.subresource } : {};
  const options = OPTIONS[request.operation];
  return {
    uid: randomUUID(),
    kind: body(kind),
    resource: resource(kind),
    requestKind: body(request.kind),
    requestResource: resource(request.kind),
    ...subresource,
    ...(request.name ? { name: request.name } : {}),
    ...(namespaceOf(request) ? { namespace: namespaceOf(request) } : {}),
    operation: request.operation,
    userInfo: {
      username: user.name,
      ...(user.uid ? { uid: user.uid } : {}),
      groups: user.groups,
      ...(user.extra ? { extra: user.extra } : {}),
    },
    object: object ?? null,
    oldObject: old ?? null,
    dryRun: request.dryRun,
    options: options ? { kind: options, apiVersion: 'meta.k8s.io/v1', ...(request.dryRun ? { dryRun: ['All'] } : {}) } : null,
  };
};

/** A namespace is the namespace of requests about itself. */
export const namespaceOf = ({ kind, namespace, name }: AdmissionRequest): string =>
  kind.group === '' && kind.plural === 'namespaces' ? name : namespace;

/** Throws the webhook's refusal as a Status, `WebhookCallError` when it gave no answer to go by. */
export const review = async (
  client: WebhookClient,
  webhook: MutatingWebhook,
  { request, body }: { request: AdmissionRequest; body: ReviewRequest },
): Promise<ReviewAnswer> => {
  if (request.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
  const version = webhook.admissionReviewVersions.find((one) => one === 'v1' || one === 'v1beta1');
  if (!version) throw new WebhookCallError(webhook.name, 'webhook does not accept known AdmissionReview versions');
  const apiVersion = apiVersionOf({ group: 'admission.k8s.io', version });
  let answer: unknown;
  try {
    answer = await client(
      webhook.clientConfig as WebhookAddress,
      { kind: 'AdmissionReview', apiVersion, request: body },
      { timeoutMs: (webhook.timeoutSeconds ?? 10) * 1000 },
    );
  } catch (error) {
    throw new WebhookCallError(webhook.name, `failed to call webhook: ${(error as Error).message}`);
  }
  const response = responseOf(webhook.name, answer, { uid: body.uid, apiVersion });
  for (const line of response.warnings ?? []) request.warn(line);
  if (!response.allowed) throw refusal(webhook.name, response.status ?? response.result);
  if (!response.patch) return { patch: undefined };
  if (response.patchType !== undefined && response.patchType !== 'JSONPatch')
    throw new WebhookCallError(webhook.name, `unsupported patch type ${JSON.stringify(response.patchType)}`);
  try {
    return { patch: JSON.parse(Buffer.from(response.patch, 'base64').toString()) as unknown };
  } catch (error) {
    throw new WebhookCallError(webhook.name, `received undecodable patch in webhook response: ${(error as Error).message}`);
  }
};

interface ReviewResponse {
  uid?: string;
  allowed?: boolean;
  status?: Partial<Status>;
  result?: Partial<Status>;
  warnings?: string[];
  patch?: string;
  patchType?: string;
}

const responseOf = (name: string, answer: unknown, wanted: { uid: string; apiVersion: string }): ReviewResponse => {
  const wrong = (why: string) => new WebhookCallError(name, `received invalid webhook response: ${why}`);
  if (typeof answer !== 'object' || answer === null) throw wrong('it is no object');
  const { kind, apiVersion, response } = answer as { kind?: string; apiVersion?: string; response?: ReviewResponse };
  if (kind !== 'AdmissionReview' || apiVersion !== wanted.apiVersion)
    throw wrong(`expected webhook response of ${wanted.apiVersion}, Kind=AdmissionReview, got ${apiVersion}, Kind=${kind}`);
  if (!response) throw new WebhookCallError(name, 'webhook response was absent');
  if (wanted.apiVersion.endsWith('/v1') && response.uid !== wanted.uid)
    throw wrong(`expected response.uid=${JSON.stringify(wanted.uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  return response;
};

const refusal = (name: string, given: Partial<Status> | undefined): StatusError => {
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = given?.message || given?.reason;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    ...(given?.reason ? { reason: given.reason } : {}),
    ...(given?.details ? { details: given.details } : {}),
    status: 'Failure',
    message: why ? `${denied}: ${why}` : `${denied} without explanation`,
    code: Math.max(400, given?.code ?? 0),
  });
};

/** What the client is told when a webhook with `failurePolicy: Fail` gave no answer. */
export const failClosed = (error: WebhookCallError): StatusError => internalError(error.message);

/** A condition of a webhook or policy that could not be evaluated. */
export const conditionFailed = (kind: Kind, name: string, cause: string): StatusError =>
  statusError(403, 'Forbidden', `${kind.plural}${kind.group ? `.${kind.group}` : ''} ${JSON.stringify(name)} is forbidden: ${cause}`, {
    name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.plural,
  });
