import { defineKind, STATUS } from '../define-kind.ts';

export const certificateSigningRequest = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  subresources: {
    approval: { verbs: ['get', 'patch', 'update'] },
    status: STATUS,
  },
});
