import { issueCertificate, type KeyPair } from '../pki/certificates.ts';
import { kubeconfigFor, loadKubeconfig, renderKubeconfig, withEntries } from '../pki/kubeconfig.ts';
import { authorityOf, isSignedBy, readLeaf, renewalTime } from '../pki/leaf-certificate.ts';
import type { ClusterSpec } from './spec/cluster-spec.ts';
import type { ClusterStateFolder } from './state/cluster-state.ts';

export const contextName = (cluster: string): string => `slipway-${cluster}`;

/** What the cluster trusts and who signs, as the cluster's folder has it. */
export interface Authorities {
  /** The authority, and while it is being replaced the other one. */
  trustPem: string;
  /** The one that signs. */
  authority: KeyPair;
}

const CERTIFICATE_SECONDS = 365 * 86_400;
const DAY_SECONDS = 86_400;

export const certificateDays = (spec: Pick<ClusterSpec, 'certificateSeconds'>): number =>
  (spec.certificateSeconds ?? CERTIFICATE_SECONDS) / DAY_SECONDS;

/** Undefined for a cluster that has none yet. */
export const readAuthorities = async (folder: ClusterStateFolder): Promise<Authorities | undefined> => {
  const [trustPem, keyPem] = await Promise.all([folder.readFile('pki/ca.crt'), folder.readFile('pki/ca.key')]);
  return trustPem && keyPem ? { trustPem, authority: { certPem: authorityOf(trustPem, keyPem) ?? trustPem, keyPem } } : undefined;
};

/** The administrator's certificate: the one that is there, or a new one when that nears its end or another authority signs now. */
export const adminPair = async (
  folder: ClusterStateFolder,
  options: { spec: Pick<ClusterSpec, 'certificateSeconds'>; authority: KeyPair; renew?: boolean },
): Promise<{ pair: KeyPair; changed: boolean }> => {
  const { authority, spec, renew } = options;
  const [certPem, keyPem] = await Promise.all([folder.readFile('pki/admin.crt'), folder.readFile('pki/admin.key')]);
  if (!renew && certPem && keyPem && isGood(certPem, authority)) return { pair: { certPem, keyPem }, changed: false };
  const pair = await issueCertificate(authority, {
    commonName: 'kubernetes-admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: certificateDays(spec),
  });
  await Promise.all([folder.writeFile('pki/admin.crt', pair.certPem), folder.writeFile('pki/admin.key', pair.keyPem)]);
  return { pair, changed: true };
};

const isGood = (certPem: string, authority: KeyPair): boolean =>
  Date.now() < renewalTime(readLeaf(certPem), 0) && isSignedBy(certPem, authority.certPem);

export interface AdminAccess {
  cluster: string;
  server: string;
  /** Where the server's certificate does not have its address. */
  tlsServerName?: string | undefined;
  trustPem: string;
  admin: KeyPair;
}

/**
 * Writes the administrator's way in: a file in the cluster's folder, and an entry in the user's kubeconfig. `merge` false leaves the latter
 * alone; `known` changes the entry only where there is one.
 */
export const writeKubeconfigs = async (
  folder: ClusterStateFolder,
  access: AdminAccess,
  options: { merge: boolean | 'known'; makeCurrent: boolean },
): Promise<{ changed: boolean }> => {
  const name = contextName(access.cluster);
  const ours = kubeconfigFor({
    name,
    server: access.server,
    ...(access.tlsServerName ? { tlsServerName: access.tlsServerName } : {}),
    caPem: access.trustPem,
    certPem: access.admin.certPem,
    keyPem: access.admin.keyPem,
  });
  const kept = await folder.writeFile('kubeconfig', renderKubeconfig(ours));
  if (!options.merge) return kept;
  if (options.merge === 'known' && !(await loadKubeconfig()).contexts.some((context) => context.name === name)) return kept;
  const merged = await folder.changeKubeconfig((config) => withEntries(config, ours, { makeCurrent: options.makeCurrent }));
  return { changed: kept.changed || merged.changed };
};
