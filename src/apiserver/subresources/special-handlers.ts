import type { TokenAuthority } from '../../pki/service-account-tokens.ts';
import type { AccessRequest, Decision } from '../auth/authorizer.ts';
import type { RbacAuthorizer } from '../auth/rbac-authorizer.ts';
import type { TokenAuthenticator } from '../auth/token-authenticator.ts';
import type { SpecialHandler } from '../registry/dispatch.ts';
import type { Registry } from '../registry/registry.ts';
import { createBindingHandler } from './binding.ts';
import { createEvictionHandler } from './eviction.ts';
import { createReviewHandlers } from './reviews.ts';
import { createScaleHandler } from './scale.ts';
import { createTokenHandler } from './token-request.ts';

export interface SpecialParts {
  readonly registry: Registry;
  readonly tokens: TokenAuthority;
  readonly authenticateToken: TokenAuthenticator;
  readonly authorize: (request: AccessRequest) => Promise<Decision>;
  readonly rbac: RbacAuthorizer;
  readonly now: () => number;
}

/** Whatever the generic registry does not answer: `group/plural/subresource`, or `group/plural` of kinds that are not stored. */
export const createSpecialHandlers = (parts: SpecialParts): ReadonlyMap<string, SpecialHandler> => {
  const { registry } = parts;
  const scale = createScaleHandler(registry);
  const binding = createBindingHandler(registry);
  return new Map<string, SpecialHandler>([
    ['*/scale', scale],
    ['/bindings', binding],
    ['/pods/binding', binding],
    ['/pods/eviction', createEvictionHandler(registry)],
    ['/serviceaccounts/token', createTokenHandler(parts)],
    ...createReviewHandlers(parts),
  ]);
};
