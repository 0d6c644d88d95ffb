import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  createAuthority,
  createCertificateRequest,
  issueCertificate,
  readCertificateRequest,
  signCertificateRequest,
} from '../../../src/pki/certificates.ts';
import { pendingCertFile, readKeyPair, writeKeyPair } from '../../../src/pki/key-pair-files.ts';
import { authorityOf, certificatesIn, isSignedBy, namesAll, readLeaf, renewalTime } from '../../../src/pki/leaf-certificate.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-pki-'));
after(() => rmSync(folder, { recursive: true }));
const paths = { certFile: join(folder, 'leaf.crt'), keyFile: join(folder, 'leaf.key') };
const authority = await createAuthority({ commonName: 'old', years: 1 });
const next = await createAuthority({ commonName: 'new', years: 1 });
const leaf = (days: number) =>
  issueCertificate(authority, { commonName: 'n1', dnsNames: ['n1'], ipAddresses: ['10.0.0.1'], usages: ['server'], days });

test('renewal falls between 70 and 90 percent of a life', () => {
  const life = { notBefore: new Date(1000), notAfter: new Date(2000) };
  assert.deepEqual(
    [0, 0.5, 1].map((random) => renewalTime(life, random)),
    [1700, 1800, 1900],
  );
});

test('a short life begins now, so that its renewal is not due at once; a long one a little earlier', async () => {
  const short = readLeaf((await leaf(1 / 1440)).certPem);
  assert.equal(short.notAfter.getTime() - short.notBefore.getTime(), 60_000);
  const long = readLeaf((await leaf(1)).certPem);
  assert.equal(long.notAfter.getTime() - long.notBefore.getTime(), 86_400_000 + 300_000);
});

test('names are compared as a set', async () => {
  const found = readLeaf((await leaf(1)).certPem);
  assert.equal(namesAll(found, { dnsNames: ['n1'], ipAddresses: ['10.0.0.1'] }), true);
  assert.equal(namesAll(found, { ipAddresses: ['10.0.0.2'] }), false);
});

test('of two authorities the one that has the key signs, and both vouch', async () => {
  const bundle = authority.certPem + next.certPem;
  assert.equal(certificatesIn(bundle).length, 2);
  assert.equal(authorityOf(bundle, next.keyPem), next.certPem);
  assert.equal(authorityOf(authority.certPem, next.keyPem), undefined);
  const { certPem } = await leaf(1);
  assert.deepEqual(
    [bundle, authority.certPem, next.certPem].map((trust) => isSignedBy(certPem, trust)),
    [true, true, false],
  );
});

test('a request carries its names, and comes back signed', async () => {
  const { requestPem, keyPem } = await createCertificateRequest({
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
    dnsNames: ['n1'],
    ipAddresses: ['10.0.0.1'],
  });
  const subject = readCertificateRequest(requestPem);
  assert.deepEqual(subject, { commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: ['n1'], ipAddresses: ['10.0.0.1'] });
  const certPem = await signCertificateRequest(authority, requestPem, { ...subject, usages: ['server'], days: 1 });
  await writeKeyPair(paths, { certPem, keyPem });
  assert.deepEqual(readKeyPair(paths), { certPem, keyPem });
});

test('a pair whose replacement was cut short is read as the new one', async () => {
  const [before, after] = await Promise.all([leaf(1), leaf(1)]);
  await writeKeyPair(paths, before);
  writeFileSync(pendingCertFile(paths.certFile), after.certPem);
  assert.equal(readKeyPair(paths).certPem, before.certPem, 'the key is still the old one');
  writeFileSync(paths.keyFile, after.keyPem);
  assert.deepEqual(readKeyPair(paths), after);
  writeFileSync(pendingCertFile(paths.certFile), before.certPem);
  assert.throws(() => readKeyPair(paths), /does not belong/);
});
