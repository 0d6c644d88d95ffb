import type { CertificateSigningRequestSpec } from '../../api/types/certificates-v1.ts';
import type { CertificateSubject } from '../controller.ts';

export type RequestVerdict = { kind: 'leave' } | { kind: 'refuse'; why: string } | { kind: 'sign'; usages: ('client' | 'server')[] };

const CLIENT = 'kubernetes.io/kube-apiserver-client';
const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const KUBELET_SERVING = 'kubernetes.io/kubelet-serving';

/** What an approved request gets, by the rules of its signer. Signers that are not ours are left to others. */
export const judgeRequest = (spec: CertificateSigningRequestSpec, subject: CertificateSubject): RequestVerdict => {
  const usages = new Set(spec.usages ?? []);
  const hasNames = subject.dnsNames.length + subject.ipAddresses.length > 0;
  const only = (...allowed: string[]): boolean => [...usages].every((usage) => allowed.includes(usage));
  switch (spec.signerName) {
    case CLIENT:
      if (subject.organizations.includes('system:masters')) return { kind: 'refuse', why: 'system:masters is not given to anybody' };
      if (!usages.has('client auth') || !only('digital signature', 'key encipherment', 'client auth'))
        return { kind: 'refuse', why: 'usages must be those of a client' };
      return { kind: 'sign', usages: ['client'] };
    case KUBELET_CLIENT:
      if (!isNode(subject) || hasNames) return { kind: 'refuse', why: 'subject must be that of a node, without alternative names' };
      if (!usages.has('client auth') || !only('digital signature', 'key encipherment', 'client auth'))
        return { kind: 'refuse', why: 'usages must be those of a client' };
      return { kind: 'sign', usages: ['client'] };
    case KUBELET_SERVING:
      if (!isNode(subject) || !hasNames) return { kind: 'refuse', why: 'subject must be that of a node, with alternative names' };
      if (spec.username !== subject.commonName) return { kind: 'refuse', why: 'a node asks for itself only' };
      if (!usages.has('server auth') || !only('digital signature', 'key encipherment', 'server auth'))
        return { kind: 'refuse', why: 'usages must be those of a server' };
      return { kind: 'sign', usages: ['server'] };
    default:
      return { kind: 'leave' };
  }
};

/** A node that renews its own client certificate needs nobody's leave. */
export const isSelfRenewal = (spec: CertificateSigningRequestSpec, subject: CertificateSubject): boolean =>
  spec.signerName === KUBELET_CLIENT &&
  spec.username === subject.commonName &&
  (spec.groups ?? []).includes('system:nodes') &&
  judgeRequest(spec, subject).kind === 'sign';

const isNode = ({ commonName, organizations }: CertificateSubject): boolean =>
  commonName.startsWith('system:node:') && organizations.length === 1 && organizations[0] === 'system:nodes';
