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
  prepareForCreate: (object) => {
    object['status'] = {};
  },
  // What is asked for stays as it was asked; only approvals and signers write more.
  prepareForUpdate: (object, old) => {
    object['spec'] = structuredClone(old['spec']);
    object['status'] = structuredClone(old['status'] ?? {});
  },
  prepareForStatusUpdate: (object, old) => {
    const isVerdict = ({ type }: { type: string }): boolean => type === 'Approved' || type === 'Denied';
    const request = as<CertificateSigningRequest>(object);
    const verdicts = (as<CertificateSigningRequest>(old).status?.conditions ?? []).filter(isVerdict);
    const given = request.status?.conditions ?? [];
    const missing = verdicts.filter(({ type }) => !given.some((condition) => condition.type === type));
    const conditions = given
      .filter((condition) => !isVerdict(condition) || verdicts.some(({ type }) => type === condition.type))
      .map((condition) => verdicts.find(({ type }) => type === condition.type) ?? condition);
    if (missing.length + conditions.length > 0)
      request.status = { ...request.status, conditions: structuredClone([...conditions, ...missing]) };
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
