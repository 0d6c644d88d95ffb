import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { createSigningKey } from '../../../src/pki/certificates.ts';
import { createTokenAuthority, TokenError, type TokenRequest } from '../../../src/pki/service-account-tokens.ts';

const issuer = 'https://kubernetes.default.svc.cluster.local';
const start = Date.parse('2026-11-21T12:00:00Z');
const request: TokenRequest = {
  namespace: 'default',
  serviceAccount: { name: 'web', uid: 'sa-uid' },
  audiences: [],
  expirationSeconds: 3600,
  boundTo: { kind: 'Pod', name: 'web-1', uid: 'pod-uid' },
  node: { name: 'n1', uid: 'node-uid' },
};

const setUp = async () => {
  const { keyPem } = await createSigningKey();
  let now = start;
  const authority = createTokenAuthority({ issuer, privateKeyPem: keyPem, now: () => now });
  return { authority, keyPem, at: (milliseconds: number) => (now = milliseconds) };
};
const failsAs = (kind: TokenError['kind']) => (error: unknown) => error instanceof TokenError && error.kind === kind;

test('a token says what upstream says, and another library verifies it by the published keys', async () => {
  const { authority } = await setUp();
  const { token, claims } = authority.sign(request);
  assert.deepEqual(claims['kubernetes.io'], {
    namespace: 'default',
    node: { name: 'n1', uid: 'node-uid' },
    pod: { name: 'web-1', uid: 'pod-uid' },
    serviceaccount: { name: 'web', uid: 'sa-uid' },
  });
  assert.deepEqual([claims.sub, claims.aud, claims.exp - claims.iat], ['system:serviceaccount:default:web', [issuer], 3600]);
  const outside = await jwtVerify(token, createLocalJWKSet(authority.jwks()), { issuer, audience: issuer, currentDate: new Date(start) });
  assert.deepEqual(outside.payload['kubernetes.io'], claims['kubernetes.io']);
  assert.deepEqual(authority.verify(token, { audiences: [issuer] }), claims);
});

test('a token is refused after its time, for another audience, and when it was tampered with', async () => {
  const { authority, at } = await setUp();
  const { token } = authority.sign({ ...request, audiences: ['vault'] });
  assert.throws(() => authority.verify(token, { audiences: [issuer] }), failsAs('audience'));
  assert.equal(authority.verify(token, { audiences: [issuer, 'vault'] }).aud[0], 'vault');
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'system:serviceaccount:kube-system:root' })).toString('base64url');
  assert.throws(() => authority.verify(`${header}.${forged}.${signature}`, { audiences: ['vault'] }), failsAs('invalid'));
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
  assert.throws(() => authority.verify(`${unsigned}.${payload}.AA`, { audiences: ['vault'] }), failsAs('invalid'));
  at(start + 3_600_001);
  assert.throws(() => authority.verify(token, { audiences: ['vault'] }), failsAs('expired'));
});

test('what is no token of this cluster is left to others', async () => {
  const { authority, keyPem } = await setUp();
  const other = createTokenAuthority({ issuer: 'https://elsewhere', privateKeyPem: keyPem });
  for (const text of ['', 'abc', 'a.b.c', 'x'.repeat(20_000), other.sign(request).token])
    assert.throws(() => authority.verify(text, { audiences: [issuer] }), failsAs('foreign'));
});

test('keys of before a rotation still verify and are published', async () => {
  const { authority } = await setUp();
  const { token } = authority.sign({ ...request, expirationSeconds: 10 ** 9 });
  const old = authority.jwks().keys[0];
  const { keyPem } = await createSigningKey();
  const { createPublicKey } = await import('node:crypto');
  const oldPublic = createPublicKey({ key: old as never, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString();
  const rotated = createTokenAuthority({ issuer, privateKeyPem: keyPem, publicKeyPems: [oldPublic], now: () => start });
  assert.equal(rotated.verify(token, { audiences: [issuer] }).sub, 'system:serviceaccount:default:web');
  assert.deepEqual(
    rotated
      .jwks()
      .keys.map((key) => key.kid)
      .includes(old?.kid ?? ''),
    true,
  );
});
