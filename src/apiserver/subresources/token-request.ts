import { node } from '../../api/core/node.ts';
import { pod } from '../../api/core/pod.ts';
import { secret } from '../../api/core/secret.ts';
import { type FieldError, invalid, invalidObject } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { badRequest, conflict, notFound } from '../../api/meta/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { TokenRequest as Request, TokenAuthority } from '../../pki/service-account-tokens.ts';
import { rawBody } from '../registry/body.ts';
import { type Answer, type ApiCall, writeOptionsOf } from '../registry/call.ts';
import { nameMismatch, type Registry } from '../registry/registry.ts';

interface TokenRequestBody {
  metadata?: { name?: string; namespace?: string };
  spec?: {
    audiences?: string[];
    expirationSeconds?: number;
    boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } | null;
  };
}

const SHORTEST_SECONDS = 600;
const LONGEST_SECONDS = 2 ** 32;
const USUAL_SECONDS = 3600;

/** `serviceaccounts/token`: a signed token of a service account, bound to the object that the request names. */
export const createTokenHandler =
  ({ registry, tokens }: { registry: Registry; tokens: TokenAuthority }) =>
  async (call: ApiCall): Promise<Answer> => {
    const { info } = call;
    const options = writeOptionsOf(call, 'CreateOptions');
    const item = await registry.read(call);
    const body = (rawBody(call.body, { kind: 'TokenRequest' }) ?? {}) as TokenRequestBody;
    if (body.metadata?.name && body.metadata.name !== info.name) throw nameMismatch(body.metadata.name, info.name);
    if (body.metadata?.namespace && body.metadata.namespace !== info.namespace)
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    const seconds = body.spec?.expirationSeconds ?? USUAL_SECONDS;
    const errors: FieldError[] = [];
    if (seconds < SHORTEST_SECONDS)
      errors.push(invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > LONGEST_SECONDS)
      errors.push(invalid('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds'));
    if (errors.length) throw invalidObject({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors);
    const binding = await boundObject(registry, { reference: body.spec?.boundObjectRef, namespace: info.namespace, account: info.name });
    const request: Request = {
      namespace: info.namespace,
      serviceAccount: { name: item.name, uid: item.uid },
      audiences: body.spec?.audiences ?? [],
      expirationSeconds: seconds,
      ...binding,
    };
    const audiences = request.audiences.length ? request.audiences : [tokens.issuer];
    const { token, claims } = options.dryRun ? { token: '', claims: { exp: registry.parts.now() / 1000 + seconds } } : tokens.sign(request);
    return {
      type: 'object',
      code: 201,
      kind: undefined,
      object: {
        kind: 'TokenRequest',
        apiVersion: 'authentication.k8s.io/v1',
        metadata: { name: info.name, namespace: info.namespace, creationTimestamp: secondsText(registry.parts.now()) },
        spec: { audiences, expirationSeconds: seconds, boundObjectRef: body.spec?.boundObjectRef ?? null },
        status: { token, expirationTimestamp: secondsText(claims.exp * 1000) },
      },
    };
  };

const BINDABLE = { Pod: pod, Secret: secret, Node: node } as const;

const boundObject = async (
  registry: Registry,
  wanted: { reference: NonNullable<TokenRequestBody['spec']>['boundObjectRef']; namespace: string; account: string },
): Promise<Pick<Request, 'boundTo' | 'node'>> => {
  const { reference } = wanted;
  if (!reference) return {};
  const { kind: kindName = '', name = '', uid } = reference;
  if (!Object.hasOwn(BINDABLE, kindName))
    throw badRequest(`cannot bind token to object of type ${reference.apiVersion ?? ''}, Kind=${kindName}`);
  const kind = BINDABLE[kindName as keyof typeof BINDABLE];
  const item = await registry.cacheOf(kind).get({ namespace: kind.namespaced ? wanted.namespace : '', name });
  if (!item) throw notFound(kind, name);
  if (uid && uid !== item.uid)
    throw conflict(
      kind,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  const boundTo = { kind: kindName as 'Pod' | 'Secret' | 'Node', name, uid: item.uid };
  if (kind !== pod) return { boundTo };
  const { spec } = item.object as KubeObject & Pod;
  if ((spec?.serviceAccountName ?? '') !== wanted.account)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(wanted.account)} to pod running with different serviceaccount name.`,
    );
  const onNode = spec?.nodeName ? await registry.cacheOf(node).get({ name: spec.nodeName }) : undefined;
  return { boundTo, ...(spec?.nodeName ? { node: { name: spec.nodeName, ...(onNode ? { uid: onNode.uid } : {}) } } : {}) };
};

const secondsText = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
