import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createAuthority, createSigningKey } from '../../../src/pki/certificates.ts';
import { authorityOf, certificatesIn } from '../../../src/pki/leaf-certificate.ts';
import { createTokenAuthority, signingKeysIn } from '../../../src/pki/service-account-tokens.ts';
import { announceAuthority, rotationStage, settleAuthority, takeOver } from '../../../src/provision/jobs/authority-rotation.ts';
import { ClusterStateFolder } from '../../../src/provision/state/cluster-state.ts';

const home = mkdtempSync(join(tmpdir(), 'slipway-rotation-'));
after(() => rmSync(home, { recursive: true }));
const folder = new ClusterStateFolder('demo', home);
const read = async (name: string): Promise<string> => (await folder.readFile(`pki/${name}`)) ?? '';
const request = { namespace: 'default', serviceAccount: { name: 'default' }, audiences: [], expirationSeconds: 3600 };
const tokens = async () => createTokenAuthority({ issuer: 'https://demo', ...signingKeysIn(await read('service-accounts.key')) });

test('the stages follow each other, and each names who signs and whom all trust', async () => {
  const old = await createAuthority({ commonName: 'old', years: 1 });
  await folder.writeFile('pki/ca.crt', old.certPem);
  await folder.writeFile('pki/ca.key', old.keyPem);
  await folder.writeFile('pki/service-accounts.key', (await createSigningKey()).keyPem);
  const { token } = (await tokens()).sign(request);
  assert.equal(await rotationStage(folder), 'settled');

  await announceAuthority(folder, 'demo');
  assert.equal(await rotationStage(folder), 'announced');
  assert.equal(certificatesIn(await read('ca.crt')).length, 2);
  assert.equal(await read('ca.key'), old.keyPem, 'the old one signs');

  await takeOver(folder);
  assert.equal(await rotationStage(folder), 'taken over');
  const signing = authorityOf(await read('ca.crt'), await read('ca.key'));
  assert.notEqual(signing, old.certPem);
  assert.equal((await tokens()).verify(token, { audiences: ['https://demo'] }).sub, 'system:serviceaccount:default:default');

  await settleAuthority(folder);
  assert.equal(await rotationStage(folder), 'settled');
  assert.equal(await read('ca.crt'), signing);
});

test('a take-over that is carried out again changes nothing that is trusted', async () => {
  const { token } = (await tokens()).sign(request);
  await announceAuthority(folder, 'demo');
  const next = await read('ca-next.key');
  await takeOver(folder);
  // A crash before the last write: the key of the next authority is still there.
  await folder.writeFile('pki/ca-next.key', next);
  assert.equal(await rotationStage(folder), 'taken over');
  await takeOver(folder);
  assert.equal(await read('ca.key'), next);
  assert.ok((await tokens()).verify(token, { audiences: ['https://demo'] }));
});
