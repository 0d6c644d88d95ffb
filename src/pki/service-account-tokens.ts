import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign, verify } from 'node:crypto';

/** What a token says, in the names and places that upstream's bound service-account tokens use. Times are seconds since the epoch. */
export interface ServiceAccountClaims {
  iss: string;
  /** `system:serviceaccount:<namespace>:<name>` */
  sub: string;
  aud: string[];
  exp: number;
  iat: number;
  nbf: number;
  jti: string;
  'kubernetes.io': {
    namespace: string;
    serviceaccount: ObjectReference;
    pod?: ObjectReference;
    node?: ObjectReference;
    secret?: ObjectReference;
    /** The kubelet renews a token after this time; until `exp` it is still good. */
    warnafter?: number;
  };
}

export interface ObjectReference {
  name: string;
  uid?: string;
}

export interface TokenRequest {
  namespace: string;
  serviceAccount: ObjectReference;
  /** Empty: the issuer itself, as upstream does. */
  audiences: readonly string[];
  expirationSeconds: number;
  /** The token dies with it. */
  boundTo?: { kind: 'Pod' | 'Secret' | 'Node' } & ObjectReference;
  /** The node of a pod that the token is bound to. */
  node?: ObjectReference;
}

export interface TokenAuthorityOptions {
  issuer: string;
  /** P-256, PEM. The first signs; the public halves of all verify, and so do `publicKeys`. */
  privateKeyPem: string;
  /** Keys of before a rotation, or of other API servers: PEM. */
  publicKeyPems?: readonly string[];
  /** Milliseconds since the epoch. */
  now?: () => number;
}

export interface TokenAuthority {
  readonly issuer: string;
  sign(request: TokenRequest): { token: string; claims: ServiceAccountClaims };
  /**
   * The claims of a token whose signature, issuer, times and audience hold. Throws `TokenError`. Whether the objects that it is
   * bound to still exist is for the caller to check.
   */
  verify(token: string, options: { audiences: readonly string[] }): ServiceAccountClaims;
  /** The body of `/openid/v1/jwks`. */
  jwks(): { keys: JsonWebKeyWithId[] };
  /** The body of `/.well-known/openid-configuration`. */
  openidConfiguration(options: { jwksUri: string }): Record<string, unknown>;
}

export interface JsonWebKeyWithId {
  use: 'sig';
  kty: string;
  kid: string;
  alg: 'ES256';
  crv?: string;
  x?: string;
  y?: string;
}

/** `foreign` tokens are not ours to judge: another authenticator may know them. */
export class TokenError extends Error {
  readonly kind: 'foreign' | 'invalid' | 'expired' | 'audience';

  constructor(kind: TokenError['kind'], message: string) {
    super(message);
    this.name = 'TokenError';
    this.kind = kind;
  }
}

/** Larger than any token of ours; longer ones are refused unread. */
const MAX_TOKEN_LENGTH = 16 * 1024;

export const createTokenAuthority = (options: TokenAuthorityOptions): TokenAuthority => {
  const { issuer, now = Date.now } = options;
  const privateKey = createPrivateKey(options.privateKeyPem);
  const signingKey = createPublicKey(privateKey);
  const keys = new Map([signingKey, ...(options.publicKeyPems ?? []).map((pem) => createPublicKey(pem))].map((key) => [keyId(key), key]));
  const header = encodeJson({ alg: 'ES256', kid: keyId(signingKey) });

  return {
    issuer,
    sign(request) {
      const claims = claimsFor(request, { issuer, nowSeconds: Math.floor(now() / 1000) });
      const signed = `${header}.${encodeJson(claims)}`;
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return { token: `${signed}.${signature.toString('base64url')}`, claims };
    },
    verify(token, { audiences }) {
      const claims = readSigned(token, { issuer, keys });
      const seconds = now() / 1000;
      if (!(claims.exp > seconds)) throw new TokenError('expired', 'service account token has expired');
      if (claims.nbf > seconds + 5) throw new TokenError('invalid', 'service account token is not valid yet');
      if (!claims.aud.some((audience) => audiences.includes(audience)))
        throw new TokenError(
          'audience',
          `token audiences ${JSON.stringify(claims.aud)} is invalid for the target audiences ${JSON.stringify(audiences)}`,
        );
      return claims;
    },
    jwks: () => ({ keys: [...keys].map(([kid, key]) => webKey(kid, key)) }),
    openidConfiguration: ({ jwksUri }) => ({
      issuer,
      jwks_uri: jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    }),
  };
};

/** An authority whose keys can be exchanged while others hold it: a rotation needs no restart. */
export const replaceableTokenAuthority = (first: TokenAuthority): { authority: TokenAuthority; replace(next: TokenAuthority): void } => {
  let current = first;
  return {
    authority: {
      issuer: first.issuer,
      sign: (request) => current.sign(request),
      verify: (token, options) => current.verify(token, options),
      jwks: () => current.jwks(),
      openidConfiguration: (options) => current.openidConfiguration(options),
    },
    replace: (next) => {
      current = next;
    },
  };
};

/** What a file of keys holds: the private key that signs, and below it public keys of before, which still verify. */
export const signingKeysIn = (text: string): { privateKeyPem: string; publicKeyPems: string[] } => {
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  return {
    privateKeyPem: `${blocks.find((block) => block.includes('PRIVATE KEY')) ?? ''}\n`,
    publicKeyPems: blocks.filter((block) => block.includes('BEGIN PUBLIC KEY')).map((block) => `${block}\n`),
  };
};

/** The user name of a service account. */
export const serviceAccountUserName = (account: { namespace: string; name: string }): string =>
  `system:serviceaccount:${account.namespace}:${account.name}`;

/** The groups of a service account, besides `system:authenticated`. */
export const serviceAccountGroups = (namespace: string): string[] => ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];

const claimsFor = (request: TokenRequest, at: { issuer: string; nowSeconds: number }): ServiceAccountClaims => {
  const { boundTo } = request;
  const bound = boundTo ? { [boundTo.kind.toLowerCase()]: { name: boundTo.name, uid: boundTo.uid } } : {};
  return {
    aud: request.audiences.length ? [...request.audiences] : [at.issuer],
    exp: at.nowSeconds + request.expirationSeconds,
    iat: at.nowSeconds,
    iss: at.issuer,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace: request.namespace,
      ...(request.node ? { node: request.node } : {}),
      ...bound,
      serviceaccount: request.serviceAccount,
    },
    nbf: at.nowSeconds,
    sub: serviceAccountUserName({ namespace: request.namespace, name: request.serviceAccount.name }),
  };
};

const readSigned = (token: string, trusted: { issuer: string; keys: ReadonlyMap<string, KeyObject> }): ServiceAccountClaims => {
  const parts = token.length > MAX_TOKEN_LENGTH ? [] : token.split('.');
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || !signature) throw new TokenError('foreign', 'not a JSON web token');
  const claims = decodeJson(payload);
  if (claims['iss'] !== trusted.issuer) throw new TokenError('foreign', 'token of another issuer');
  const { alg, kid } = decodeJson(header);
  const key = typeof kid === 'string' ? trusted.keys.get(kid) : undefined;
  // The algorithm is fixed: what a token claims about it is never used to choose how to verify.
  if (alg !== 'ES256' || !key) throw new TokenError('invalid', 'token is not signed by a key of this cluster');
  const signed = Buffer.from(`${header}.${payload}`);
  if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
    throw new TokenError('invalid', 'token signature is wrong');
  if (!isServiceAccountClaims(claims)) throw new TokenError('invalid', 'token lacks claims of a service account');
  return claims;
};

const isServiceAccountClaims = (claims: Record<string, unknown>): claims is Record<string, unknown> & ServiceAccountClaims => {
  const own = claims['kubernetes.io'] as ServiceAccountClaims['kubernetes.io'] | undefined;
  return (
    typeof claims['exp'] === 'number' &&
    typeof claims['nbf'] === 'number' &&
    Array.isArray(claims['aud']) &&
    typeof own?.namespace === 'string' &&
    typeof own.serviceaccount?.name === 'string' &&
    claims['sub'] === serviceAccountUserName({ namespace: own.namespace, name: own.serviceaccount.name })
  );
};

/** As upstream: the SHA-256 of the public key's DER form. */
const keyId = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');

const webKey = (kid: string, key: KeyObject): JsonWebKeyWithId => {
  const { kty = 'EC', crv, x, y } = key.export({ format: 'jwk' });
  return { use: 'sig', kty, kid, alg: 'ES256', ...(crv ? { crv } : {}), ...(x ? { x } : {}), ...(y ? { y } : {}) };
};

const encodeJson = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const decodeJson = (part: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Falls through: a part that is not JSON makes it no token of ours.
  }
  throw new TokenError('foreign', 'not a JSON web token');
};
