import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import {
  createAuthority,
  createSigningKey,
  issueCertificate,
  readCertificate,
  signCertificateRequest,
} from '../../../src/pki/certificates.ts';

const now = new Date('2026-11-21T12:00:00Z');

test('an authority signs leaf certificates that verify, with every organisation of its own', async () => {
  const authority = await createAuthority({ commonName: 'demo-ca', years: 10, now });
  const leaf = await issueCertificate(authority, {
    commonName: 'system:node:demo-1',
    organizations: ['system:nodes', 'with, comma+plus'],
    dnsNames: ['demo-1'],
    ipAddresses: ['10.1.2.3', 'fd00::1'],
    usages: ['client', 'server'],
    days: 365,
    now,
  });
  const certificate = new X509Certificate(leaf.certPem);
  assert.ok(certificate.verify(new X509Certificate(authority.certPem).publicKey));
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
  assert.equal(certificate.checkIP('10.1.2.3'), '10.1.2.3');
  assert.equal(certificate.checkHost('demo-1'), 'demo-1');
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  const info = readCertificate(leaf.certPem);
  assert.deepEqual(info.organizations, ['system:nodes', 'with, comma+plus']);
  assert.deepEqual(
    [info.commonName, info.isAuthority, info.dnsNames, info.ipAddresses.length],
    ['system:node:demo-1', false, ['demo-1'], 2],
  );
  assert.equal(readCertificate(authority.certPem).isAuthority, true);
});

test('certificates begin a few minutes in the past and do not outlive their authority', async () => {
  const authority = await createAuthority({ commonName: 'demo-ca', years: 1, now });
  const leaf = await issueCertificate(authority, { commonName: 'x', usages: ['client'], days: 4000, now });
  const info = readCertificate(leaf.certPem);
  assert.equal(info.notBefore.toISOString(), '2026-11-21T11:55:00.000Z');
  assert.deepEqual(info.notAfter, readCertificate(authority.certPem).notAfter);
});

test('an address that is none is refused', async () => {
  const authority = await createAuthority({ commonName: 'demo-ca', years: 1 });
  await assert.rejects(
    issueCertificate(authority, { commonName: 'x', ipAddresses: ['10.1.2'], usages: ['server'], days: 1 }),
    /not an IP address: 10.1.2/,
  );
});

test('a request that is no request is refused', async () => {
  const authority = await createAuthority({ commonName: 'demo-ca', years: 1 });
  await assert.rejects(
    signCertificateRequest(authority, (await createSigningKey()).keyPem, { commonName: 'x', usages: ['client'], days: 1 }),
  );
});
