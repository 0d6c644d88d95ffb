import { createAuthority, createSigningKey, issueCertificate } from '../../pki/certificates.ts';
import { type Authorities, adminPair, certificateDays, readAuthorities } from '../admin-access.ts';
import { type ClusterContext, hostOf } from '../cluster-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import type { ClusterStateFolder } from '../state/cluster-state.ts';
import { type FreshLeaf, type LeafName, leafPaths, leavesOf, stillServes } from './node-leaves.ts';
import type { Step } from './step.ts';

const AUTHORITY_YEARS = 10;

/**
 * The cluster's authority, the administrator's certificate and the key of service accounts, kept in the cluster's folder on this client; and
 * certificates for nodes that have none, or one that no longer serves. Only the administrator's is in system:masters; nodes, the API
 * server's own client and everything else have what RBAC gives them. What serves is left alone: nodes renew their own.
 */
export const certificates: Step<ClusterContext> = {
  name: 'certificates',
  title: 'Issuing certificates',
  plannable: true,
  needs: ['machines'],
  apply: async (context) => {
    const { folder, spec } = context;
    const made = { changed: false };
    const { trustPem, authority } = await authoritiesIn(folder, made, spec.name);
    const days = certificateDays(spec);
    const renewAll = context.options.renewCertificates === true;
    const admin = await adminPair(folder, { spec, authority, renew: renewAll });
    made.changed ||= admin.changed;
    const leaves = async (node: NodeSpec): Promise<Map<LeafName, FreshLeaf>> => {
      const host = hostOf(context, node);
      const fresh = await Promise.all(
        leavesOf(context, node).map(async ([name, options]) => {
          const there = await host.readFile(leafPaths(name).certFile);
          if (there && !renewAll && stillServes(there.toString(), options, { authorityPem: authority.certPem, now: Date.now() }))
            return undefined;
          made.changed = true;
          return [name, { pair: await issueCertificate(authority, { ...options, days }), replaces: there !== undefined }] as const;
        }),
      );
      return new Map(fresh.filter((entry) => entry !== undefined));
    };
    const [signingKeys, ...nodes] = await Promise.all([
      signingKeysIn(folder, made),
      ...spec.nodes.map(async (node) => [node.name, await leaves(node)] as const),
    ]);
    context.pki = { authority, trustPem, admin: admin.pair, signingKeys, fresh: new Map(nodes) };
    return made;
  },
};

const authoritiesIn = async (folder: ClusterStateFolder, made: { changed: boolean }, cluster: string): Promise<Authorities> => {
  const there = await readAuthorities(folder);
  if (there) return there;
  const authority = await createAuthority({ commonName: `slipway-${cluster}-ca`, years: AUTHORITY_YEARS });
  await Promise.all([folder.writeFile('pki/ca.crt', authority.certPem), folder.writeFile('pki/ca.key', authority.keyPem)]);
  made.changed = true;
  return { trustPem: authority.certPem, authority };
};

/** The private key that signs tokens, and below it the public one of before a rotation. */
const signingKeysIn = async (folder: ClusterStateFolder, made: { changed: boolean }): Promise<string> => {
  const there = await folder.readFile('pki/service-accounts.key');
  if (there) return there;
  const { keyPem } = await createSigningKey();
  await folder.writeFile('pki/service-accounts.key', keyPem);
  made.changed = true;
  return keyPem;
};
