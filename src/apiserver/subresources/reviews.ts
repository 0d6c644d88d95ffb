import { invalid, invalidObject } from '../../api/meta/field-error.ts';
import { badRequest } from '../../api/meta/status.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { AccessRequest, Decision } from '../auth/authorizer.ts';
import type { RbacAuthorizer } from '../auth/rbac-authorizer.ts';
import type { TokenAuthenticator } from '../auth/token-authenticator.ts';
import { decodeBody } from '../registry/body.ts';
import { type Answer, type ApiCall, writeOptionsOf } from '../registry/call.ts';
import type { SpecialHandler } from '../registry/dispatch.ts';

interface ReviewParts {
  readonly authorize: (request: AccessRequest) => Promise<Decision>;
  readonly authenticateToken: TokenAuthenticator;
  readonly rbac: RbacAuthorizer;
}

interface AccessSpec {
  user?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
  resourceAttributes?: {
    namespace?: string;
    verb?: string;
    group?: string;
    version?: string;
    resource?: string;
    subresource?: string;
    name?: string;
  };
  nonResourceAttributes?: { path?: string; verb?: string };
}

/** The reviews: questions about access and identity that are answered and not stored. */
export const createReviewHandlers = ({ authorize, authenticateToken, rbac }: ReviewParts): [string, SpecialHandler][] => {
  const access =
    (self: boolean, local: boolean): SpecialHandler =>
    async (call) => {
      const review = readReview(call);
      const spec = (review['spec'] ?? {}) as AccessSpec;
      const user: UserInfo = self
        ? call.user
        : { name: spec.user ?? '', groups: spec.groups ?? [], ...(spec.extra ? { extra: spec.extra } : {}) };
      checkAccessSpec(call, spec, { self, local });
      const decision = await authorize(accessRequest(user, spec, local ? call.info.namespace : undefined));
      const status = {
        allowed: decision.allowed,
        ...(decision.reason && decision.reason !== 'system:masters' ? { reason: decision.reason } : {}),
      };
      return answered({ ...review, status });
    };
  return [
    ['authorization.k8s.io/subjectaccessreviews', access(false, false)],
    ['authorization.k8s.io/localsubjectaccessreviews', access(false, true)],
    ['authorization.k8s.io/selfsubjectaccessreviews', access(true, false)],
    ['authorization.k8s.io/selfsubjectrulesreviews', (call) => rulesReview(call, rbac)],
    ['authentication.k8s.io/selfsubjectreviews', selfReview],
    ['authentication.k8s.io/tokenreviews', (call) => tokenReview(call, authenticateToken)],
  ];
};

const readReview = (call: ApiCall): Record<string, unknown> => {
  const options = writeOptionsOf(call, 'CreateOptions');
  const object = decodeBody(call, call.kind, options) as Record<string, unknown>;
  return object;
};

const answered = (object: Record<string, unknown>): Answer => ({ type: 'object', code: 201, kind: undefined, object });

const checkAccessSpec = (call: ApiCall, spec: AccessSpec, { self, local }: { self: boolean; local: boolean }): void => {
  const both = spec.resourceAttributes && spec.nonResourceAttributes;
  const none = !spec.resourceAttributes && !spec.nonResourceAttributes;
  // Upstream names no kind here.
  const target = { group: 'authorization.k8s.io', kind: '' };
  if (both)
    throw invalidObject(target, '', [
      invalid('spec.nonResourceAttributes', spec.nonResourceAttributes, 'cannot be specified in combination with resourceAttributes'),
    ]);
  if (none)
    throw invalidObject(target, '', [
      invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'),
    ]);
  if (!self && !spec.user && !spec.groups?.length)
    throw invalidObject(target, '', [invalid('spec.user', '', 'at least one of user or group must be specified')]);
  if (local && spec.resourceAttributes?.namespace !== call.info.namespace)
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${call.info.namespace}`);
};

const accessRequest = (user: UserInfo, spec: AccessSpec, namespace: string | undefined): AccessRequest => {
  const of = spec.resourceAttributes;
  return {
    user,
    verb: of?.verb ?? spec.nonResourceAttributes?.verb ?? '',
    group: of?.group ?? '',
    version: of?.version ?? '*',
    resource: of?.resource ?? '',
    subresource: of?.subresource ?? '',
    namespace: namespace ?? of?.namespace ?? '',
    name: of?.name ?? '',
    path: spec.nonResourceAttributes?.path ?? '',
  };
};

const rulesReview = async (call: ApiCall, rbac: RbacAuthorizer): Promise<Answer> => {
  const review = readReview(call);
  const namespace = (review['spec'] as { namespace?: string } | undefined)?.namespace ?? '';
  if (!namespace) throw badRequest('no namespace on request');
  const { rules, missing } = call.user.groups.includes('system:masters')
    ? { rules: EVERYTHING, missing: [] }
    : await rbac.rulesFor(call.user, namespace);
  const resourceRules = rules
    .filter((rule) => rule.resources?.length)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      apiGroups,
      resources,
      ...(resourceNames?.length ? { resourceNames } : {}),
    }));
  const nonResourceRules = rules
    .filter((rule) => rule.nonResourceURLs?.length)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  const status = {
    resourceRules,
    nonResourceRules,
    incomplete: missing.length > 0,
    ...(missing.length ? { evaluationError: missing.join(', ') } : {}),
  };
  return answered({ ...review, status });
};

const EVERYTHING: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

const userStatus = (user: UserInfo) => ({
  username: user.name,
  ...(user.uid ? { uid: user.uid } : {}),
  groups: user.groups,
  ...(user.extra ? { extra: user.extra } : {}),
});

const selfReview: SpecialHandler = async (call) => {
  const review = readReview(call);
  return answered({ ...review, status: { userInfo: userStatus(call.user) } });
};

const tokenReview = async (call: ApiCall, tokens: TokenAuthenticator): Promise<Answer> => {
  const review = readReview(call);
  const spec = (review['spec'] ?? {}) as { token?: string; audiences?: string[] };
  if (!spec.token) throw badRequest('token is required for TokenReview in authentication');
  const found = await tokens.authenticate(spec.token, spec.audiences?.length ? spec.audiences : undefined);
  const status = found
    ? { authenticated: true, user: userStatus(found.user), audiences: found.audiences }
    : { user: {}, error: '[invalid bearer token]' };
  return answered({ ...review, status });
};
