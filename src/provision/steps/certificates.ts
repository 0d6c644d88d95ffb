import { createAuthority, createSigningKey, issueCertificate, type KeyPair, readCertificate } from '../../pki/certificates.ts';
import { addressOf, type ClusterContext, controlPlanes } from '../cluster-context.ts';
import type { ClusterStateFolder } from '../state/cluster-state.ts';
import type { Step } from './step.ts';

const AUTHORITY_YEARS = 10;
const CERTIFICATE_DAYS = 365;
/** A certificate that ends sooner is replaced by the next `up`. */
const RENEW_DAYS = 60;
const DAY_MS = 86_400_000;

/**
 * The cluster's authority and every certificate of it, kept in the cluster's folder on this client. Only the administrator's is in
 * system:masters; nodes, the API server's own client and everything else have what RBAC gives them.
 */
export const certificates: Step<ClusterContext> = {
  name: 'certificates',
  title: 'Issuing certificates',
  plannable: true,
  needs: ['machines'],
  apply: async (context) => {
    const { folder, spec } = context;
    const made = { changed: false };
    const authority = await keep(folder, 'ca', made, () =>
      createAuthority({ commonName: `slipway-${spec.name}-ca`, years: AUTHORITY_YEARS }),
    );
    const leaf = (name: string, options: LeafOptions): Promise<KeyPair> =>
      keep(
        folder,
        name,
        made,
        () => issueCertificate(authority, { ...options, days: CERTIFICATE_DAYS }),
        (pair) => fits(pair, options),
      );
    const perNode = async (suffix: string, nodes: typeof spec.nodes, options: (name: string, address: string) => LeafOptions) =>
      new Map(
        await Promise.all(
          nodes.map(
            async (node) => [node.name, await leaf(`${node.name}-${suffix}`, options(node.name, addressOf(context, node)))] as const,
          ),
        ),
      );
    const [admin, kubeletClient, serviceAccountKeyPem, servers, agentClients, agentServings] = await Promise.all([
      leaf('admin', { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] }),
      leaf('apiserver-kubelet-client', { commonName: 'kube-apiserver-kubelet-client', usages: ['client'] }),
      signingKey(folder, made),
      perNode('apiserver', controlPlanes(spec), (name, address) => ({
        commonName: 'kube-apiserver',
        usages: ['server'],
        dnsNames: [
          'kubernetes',
          'kubernetes.default',
          'kubernetes.default.svc',
          `kubernetes.default.svc.${spec.network.clusterDomain}`,
          'localhost',
          name,
        ],
        ipAddresses: [firstAddress(spec.network.serviceCidr), '127.0.0.1', address],
      })),
      perNode('agent', spec.nodes, (name) => ({ commonName: `system:node:${name}`, organizations: ['system:nodes'], usages: ['client'] })),
      perNode('agent-serving', spec.nodes, (name, address) => ({
        commonName: `system:node:${name}`,
        organizations: ['system:nodes'],
        usages: ['server'],
        dnsNames: [name],
        ipAddresses: [address],
      })),
    ]);
    context.pki = { authority, admin, kubeletClient, serviceAccountKeyPem, servers, agentClients, agentServings };
    return made;
  },
};

interface LeafOptions {
  commonName: string;
  organizations?: string[];
  usages: ('client' | 'server')[];
  dnsNames?: string[];
  ipAddresses?: string[];
}

/** The pair that is there, if it still serves; else a new one, written down. */
const keep = async (
  folder: ClusterStateFolder,
  name: string,
  made: { changed: boolean },
  make: () => Promise<KeyPair>,
  serves: (pair: KeyPair) => boolean = () => true,
): Promise<KeyPair> => {
  const [certPem, keyPem] = await Promise.all([folder.readFile(`pki/${name}.crt`), folder.readFile(`pki/${name}.key`)]);
  if (certPem && keyPem && serves({ certPem, keyPem })) return { certPem, keyPem };
  const pair = await make();
  await Promise.all([folder.writeFile(`pki/${name}.crt`, pair.certPem), folder.writeFile(`pki/${name}.key`, pair.keyPem)]);
  made.changed = true;
  return pair;
};

const signingKey = async (folder: ClusterStateFolder, made: { changed: boolean }): Promise<string> => {
  const there = await folder.readFile('pki/service-accounts.key');
  if (there) return there;
  const { keyPem } = await createSigningKey();
  await folder.writeFile('pki/service-accounts.key', keyPem);
  made.changed = true;
  return keyPem;
};

/** Whether a certificate names what it has to, and lasts. */
const fits = (pair: KeyPair, wanted: LeafOptions): boolean => {
  const found = readCertificate(pair.certPem);
  return (
    found.notAfter.getTime() - Date.now() > RENEW_DAYS * DAY_MS &&
    (wanted.dnsNames ?? []).every((name) => found.dnsNames.includes(name)) &&
    (wanted.ipAddresses ?? []).every((address) => found.ipAddresses.includes(address))
  );
};

/** The address of the `kubernetes` Service: the first of the range. */
export const firstAddress = (cidr: string): string => {
  const bytes = (cidr.split('/')[0] ?? '').split('.').map(Number);
  return [...bytes.slice(0, 3), (bytes[3] ?? 0) + 1].join('.');
};
