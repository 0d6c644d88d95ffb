import { setTimeout as delay } from 'node:timers/promises';
import { certificateSigningRequest as requests } from '../../api/certificates/certificate-signing-request.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import type { Client } from '../../client/client.ts';
import type { KeyPair } from '../../pki/certificates.ts';

export interface WantedCertificate {
  signerName: 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving';
  nodeName: string;
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
}

const LOOK_MS = 250;
/** An approver that is away comes back, and is asked anew then. */
const PATIENCE_MS = 120_000;

const USAGES = {
  'kubernetes.io/kube-apiserver-client-kubelet': ['digital signature', 'client auth'],
  'kubernetes.io/kubelet-serving': ['digital signature', 'server auth'],
} as const;

/** Asks the cluster for a certificate under a new key, and waits for it. Throws when it is refused or does not come. */
export const requestCertificate = async (client: Client, wanted: WantedCertificate, signal: AbortSignal): Promise<KeyPair> => {
  // Loaded here, because it is large and used once in months.
  const { createCertificateRequest } = await import('../../pki/certificates.ts');
  const { requestPem, keyPem } = await createCertificateRequest({
    commonName: `system:node:${wanted.nodeName}`,
    organizations: ['system:nodes'],
    ...(wanted.dnsNames ? { dnsNames: wanted.dnsNames } : {}),
    ...(wanted.ipAddresses ? { ipAddresses: wanted.ipAddresses } : {}),
  });
  const { metadata } = await client.create<Stored<CertificateSigningRequest>>(requests, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'csr-' },
    spec: {
      request: Buffer.from(requestPem).toString('base64'),
      signerName: wanted.signerName,
      usages: [...USAGES[wanted.signerName]],
    },
  } as unknown as Stored<CertificateSigningRequest>);
  const name = metadata.name ?? '';
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { status } = await client.get<Stored<CertificateSigningRequest>>(requests, { name });
    const refused = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refused) throw new Error(`the request ${name} was refused: ${refused.message || refused.reason || refused.type}`);
    if (status?.certificate) return { certPem: Buffer.from(status.certificate, 'base64').toString('utf8'), keyPem };
    if (Date.now() > deadline) throw new Error(`the request ${name} was not answered within ${PATIENCE_MS / 1000} s`);
    await delay(LOOK_MS, undefined, { signal });
  }
};
