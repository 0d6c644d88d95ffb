import { createPublicKey } from 'node:crypto';
import { createAuthority, createSigningKey } from '../../pki/certificates.ts';
import { authorityOf, certificatesIn } from '../../pki/leaf-certificate.ts';
import { signingKeysIn } from '../../pki/service-account-tokens.ts';
import type { ClusterStateFolder } from '../state/cluster-state.ts';

const AUTHORITY_YEARS = 10;

/**
 * The change of a cluster's authority, as it stands in the cluster's folder. Each stage is written down before it is carried out on the
 * nodes, so that an interrupted change goes on where it was:
 *
 *   settled ──begin──> announced ──take over──> taken over ──finish──> settled
 *   ca: old            ca: old + new            ca: new + old          ca: new
 *   signs: old         signs: old               signs: new             signs: new
 */
export type RotationStage = 'settled' | 'announced' | 'taken over';

const CA = 'pki/ca.crt';
const CA_KEY = 'pki/ca.key';
const NEXT_KEY = 'pki/ca-next.key';
const SIGNING_KEYS = 'pki/service-accounts.key';

export const rotationStage = async (folder: ClusterStateFolder): Promise<RotationStage> => {
  const [trust = '', key = '', next] = await Promise.all([CA, CA_KEY, NEXT_KEY].map((name) => folder.readFile(name)));
  if (certificatesIn(trust).length < 2) return 'settled';
  return next !== undefined && next !== key ? 'announced' : 'taken over';
};

/** A new authority that all come to trust, and that signs nothing yet. */
export const announceAuthority = async (folder: ClusterStateFolder, cluster: string): Promise<void> => {
  const trust = (await folder.readFile(CA)) ?? '';
  const next = await createAuthority({ commonName: `slipway-${cluster}-ca`, years: AUTHORITY_YEARS });
  await folder.writeFile(NEXT_KEY, next.keyPem);
  await folder.writeFile(CA, trust + next.certPem);
};

/** From now on the new authority signs. Tokens of service accounts get a new key too; the old one still verifies. */
export const takeOver = async (folder: ClusterStateFolder): Promise<void> => {
  const next = await folder.readFile(NEXT_KEY);
  if (next === undefined) return;
  await rotateSigningKey(folder);
  await folder.writeFile(CA_KEY, next);
  await folder.removeFile(NEXT_KEY);
};

/** Nobody trusts the old authority any longer. */
export const settleAuthority = async (folder: ClusterStateFolder): Promise<void> => {
  const [trust = '', key = ''] = await Promise.all([CA, CA_KEY].map((name) => folder.readFile(name)));
  const authority = authorityOf(trust, key);
  if (authority) await folder.writeFile(CA, authority);
};

/** Two keys of before go on verifying: the step may be carried out twice, when an interruption comes at its end. */
const rotateSigningKey = async (folder: ClusterStateFolder): Promise<void> => {
  const { privateKeyPem, publicKeyPems } = signingKeysIn((await folder.readFile(SIGNING_KEYS)) ?? '');
  const before = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
  const { keyPem } = await createSigningKey();
  await folder.writeFile(SIGNING_KEYS, [keyPem, before, ...publicKeyPems.slice(0, 1)].join(''));
};
