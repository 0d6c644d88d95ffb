import type { Host } from '../../hosts/host.ts';
import type { CertificateOptions, KeyPair } from '../../pki/certificates.ts';
import { pendingCertFile } from '../../pki/key-pair-files.ts';
import { isSignedBy, namesAll, readLeaf } from '../../pki/leaf-certificate.ts';
import { addressOf, type ClusterContext, externalAddressOf } from '../cluster-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';

export const LEAF_NAMES = ['apiserver', 'apiserver-kubelet-client', 'agent', 'agent-serving'] as const;
export type LeafName = (typeof LEAF_NAMES)[number];

export type LeafOptions = Omit<CertificateOptions, 'days'>;

/** Nodes renew at 70 to 90 % of a certificate's life. One with less left than this was not renewed, and will not be. */
export const LEAST_LEFT = 0.1;

export const leafPaths = (name: LeafName): { certFile: string; keyFile: string } => ({
  certFile: `${NODE_PATHS.pki}/${name}.crt`,
  keyFile: `${NODE_PATHS.pki}/${name}.key`,
});

/** The certificates that a node has of its own, and renews by itself once it runs. */
export const leavesOf = (context: ClusterContext, node: NodeSpec): [name: LeafName, options: LeafOptions][] => {
  const { network } = context.spec;
  const address = addressOf(context, node);
  const identity = { commonName: `system:node:${node.name}`, organizations: ['system:nodes'] };
  const server: [LeafName, LeafOptions][] = [
    [
      'apiserver',
      {
        commonName: 'kube-apiserver',
        usages: ['server'],
        dnsNames: [
          'kubernetes',
          'kubernetes.default',
          'kubernetes.default.svc',
          `kubernetes.default.svc.${network.clusterDomain}`,
          'localhost',
          node.name,
        ],
        ipAddresses: [...new Set([firstAddress(network.serviceCidr), '127.0.0.1', address, externalAddressOf(context, node)])],
      },
    ],
    ['apiserver-kubelet-client', { commonName: 'kube-apiserver-kubelet-client', usages: ['client'] }],
  ];
  return [
    ...(node.controlPlane ? server : []),
    ['agent', { ...identity, usages: ['client'] }],
    ['agent-serving', { ...identity, usages: ['server'], dnsNames: [node.name], ipAddresses: [address] }],
  ];
};

/** Whether a certificate that is there goes on serving: it names what it has to, is signed by the authority, and lasts. */
export const stillServes = (certPem: string, wanted: LeafOptions, options: { authorityPem: string; now: number }): boolean => {
  try {
    const leaf = readLeaf(certPem);
    const life = leaf.notAfter.getTime() - leaf.notBefore.getTime();
    const left = leaf.notAfter.getTime() - options.now;
    return left > life * LEAST_LEFT && namesAll(leaf, wanted) && isSignedBy(certPem, options.authorityPem);
  } catch {
    // It is no certificate: damaged, or cut short.
    return false;
  }
};

/** A certificate to be laid down, with its key. */
export interface FreshLeaf {
  pair: KeyPair;
  /** Whether the node has one now. */
  replaces: boolean;
}

/** No interruption leaves a key without its certificate (see key-pair-files.ts). */
export const layLeaf = async (host: Host, name: LeafName, { pair, replaces }: FreshLeaf): Promise<void> => {
  const { certFile, keyFile } = leafPaths(name);
  const mode = { mode: 0o600 };
  if (!replaces) {
    await Promise.all([host.writeFile(keyFile, pair.keyPem, mode), host.writeFile(certFile, pair.certPem, mode)]);
    return;
  }
  await host.writeFile(pendingCertFile(certFile), pair.certPem, mode);
  await host.writeFile(keyFile, pair.keyPem, mode);
  await host.writeFile(certFile, pair.certPem, mode);
  await host.run(['rm', '-f', pendingCertFile(certFile)]);
};

/** The address of the `kubernetes` Service: the first of the range. */
export const firstAddress = (cidr: string): string => {
  const bytes = (cidr.split('/')[0] ?? '').split('.').map(Number);
  return [...bytes.slice(0, 3), (bytes[3] ?? 0) + 1].join('.');
};
