import { timingSafeEqual } from 'node:crypto';
import { node } from '../../api/core/node.ts';
import { pod } from '../../api/core/pod.ts';
import { secret } from '../../api/core/secret.ts';
import { serviceAccount } from '../../api/core/service-account.ts';
import type { UserInfo } from '../../api/transport.ts';
import {
  type ServiceAccountClaims,
  serviceAccountGroups,
  serviceAccountUserName,
  type TokenAuthority,
  TokenError,
} from '../../pki/service-account-tokens.ts';
import type { WatchCache } from '../watch/watch-cache.ts';
import { AUTHENTICATED } from './authenticator.ts';

export interface TokenFound {
  readonly user: UserInfo;
  readonly audiences: readonly string[];
}

export interface TokenAuthenticator {
  /** Undefined: not good, or nobody's. `audiences` defaults to the API server's own. */
  authenticate(token: string, audiences?: readonly string[]): Promise<TokenFound | undefined>;
}

interface Options {
  authority: TokenAuthority;
  cache: WatchCache;
  now: () => number;
}

const MOST_TOKENS = 4096;

/**
 * Service-account tokens (bound to the life of their account, pod, secret or node) and bootstrap tokens. What a token says is kept once
 * its signature was checked; whether the objects that it is bound to still exist is looked up each time.
 */
export const createTokenAuthenticator = ({ authority, cache, now }: Options): TokenAuthenticator => {
  const verified = new Map<string, ServiceAccountClaims>();

  const claimsOf = (token: string, audiences: readonly string[]): ServiceAccountClaims | undefined => {
    const key = `${audiences.join(' ')}\n${token}`;
    const known = verified.get(key);
    if (known) {
      if (known.exp * 1000 > now()) return known;
      verified.delete(key);
      return undefined;
    }
    try {
      const claims = authority.verify(token, { audiences });
      if (verified.size >= MOST_TOKENS) verified.clear();
      verified.set(key, claims);
      return claims;
    } catch (error) {
      if (error instanceof TokenError) return undefined;
      throw error;
    }
  };

  /** The object is there, and is still the one that the token was made for. */
  const lives = async (kind: typeof pod, namespace: string, reference: { name: string; uid?: string }): Promise<boolean> => {
    const item = await cache.resource(kind).get({ namespace: kind.namespaced ? namespace : '', name: reference.name });
    return item !== undefined && (reference.uid === undefined || item.uid === reference.uid);
  };

  return {
    async authenticate(token, audiences = [authority.issuer]) {
      if (BOOTSTRAP_TOKEN.test(token)) return bootstrapUser(token, { cache, now });
      const claims = claimsOf(token, audiences);
      if (!claims) return undefined;
      const own = claims['kubernetes.io'];
      if (!(await lives(serviceAccount, own.namespace, own.serviceaccount))) return undefined;
      if (own.pod && !(await lives(pod, own.namespace, own.pod))) return undefined;
      if (own.secret && !(await lives(secret, own.namespace, own.secret))) return undefined;
      if (own.node && !own.pod && !(await lives(node, '', own.node))) return undefined;
      return { user: userOf(claims), audiences: claims.aud.filter((audience) => audiences.includes(audience)) };
    },
  };
};

const userOf = (claims: ServiceAccountClaims): UserInfo => {
  const own = claims['kubernetes.io'];
  return {
    name: serviceAccountUserName({ namespace: own.namespace, name: own.serviceaccount.name }),
    uid: own.serviceaccount.uid ?? '',
    groups: [...serviceAccountGroups(own.namespace), AUTHENTICATED],
    extra: {
      'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`],
      ...(own.node ? { 'authentication.kubernetes.io/node-name': [own.node.name] } : {}),
      ...(own.node?.uid ? { 'authentication.kubernetes.io/node-uid': [own.node.uid] } : {}),
      ...(own.pod ? { 'authentication.kubernetes.io/pod-name': [own.pod.name] } : {}),
      ...(own.pod?.uid ? { 'authentication.kubernetes.io/pod-uid': [own.pod.uid] } : {}),
    },
  };
};

const BOOTSTRAP_TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

/** Tokens that let a node join: a Secret `bootstrap-token-ID` of kube-system. */
const bootstrapUser = async (token: string, { cache, now }: Pick<Options, 'cache' | 'now'>): Promise<TokenFound | undefined> => {
  const [, id = '', secretPart = ''] = BOOTSTRAP_TOKEN.exec(token) ?? [];
  const item = await cache.resource(secret).get({ namespace: 'kube-system', name: `bootstrap-token-${id}` });
  const object = item?.object as { type?: string; data?: Record<string, string>; metadata: { deletionTimestamp?: string } } | undefined;
  if (object?.type !== 'bootstrap.kubernetes.io/token' || object.metadata.deletionTimestamp) return undefined;
  const field = (name: string): string => Buffer.from(object.data?.[name] ?? '', 'base64').toString('utf8');
  const expected = Buffer.from(field('token-secret'));
  const given = Buffer.from(secretPart);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
  if (field('token-id') !== id || field('usage-bootstrap-authentication') !== 'true') return undefined;
  const expiration = field('expiration');
  if (expiration && !(Date.parse(expiration) > now())) return undefined;
  const extraGroups = field('auth-extra-groups')
    .split(',')
    .filter((group) => /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group));
  return {
    user: { name: `system:bootstrap:${id}`, groups: ['system:bootstrappers', ...extraGroups, AUTHENTICATED] },
    audiences: [],
  };
};
