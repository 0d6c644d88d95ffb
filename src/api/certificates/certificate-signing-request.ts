import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, humanDuration } from '../meta/columns.ts';
import type { CertificateSigningRequest } from '../types/certificates-v1.ts';

const condition = cellOf<CertificateSigningRequest>(({ status }) => {
  const has = (type: string): boolean => status?.conditions?.some((candidate) => candidate.type === type) ?? false;
  const words = [
    has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending',
    ...(has('Failed') ? ['Failed'] : []),
    ...(status?.certificate ? ['Issued'] : []),
  ];
  return words.join(',');
});

const duration = cellOf<CertificateSigningRequest>(({ spec }) =>
  spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
);

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
  selectableFields: { 'spec.signerName': (object) => as<CertificateSigningRequest>(object).spec?.signerName ?? '' },
  columns: [
    ageColumn,
    column(
      'SignerName',
      cellOf<CertificateSigningRequest>(({ spec }) => spec.signerName || '<none>'),
    ),
    column(
      'Requestor',
      cellOf<CertificateSigningRequest>(({ spec }) => spec.username ?? ''),
    ),
    column('RequestedDuration', duration),
    column('Condition', condition),
  ],
});
