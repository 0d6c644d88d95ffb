import { certificateSigningRequest as requests } from '../../api/certificates/certificate-signing-request.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { type CertificateSigner, type Controller, type ControllerContext, watchOf } from '../controller.ts';
import { rfc3339 } from '../pods.ts';
import { isSelfRenewal, judgeRequest } from './certificates-decide.ts';

/** Approves nodes that renew their client certificates, and signs what is approved. */
export const certificatesController: Controller = {
  name: 'certificatesigningrequest',
  serviceAccount: 'certificate-controller',
  build: (context) => {
    const all = context.informers.of<CertificateSigningRequest>(requests);
    return {
      watches: [watchOf(all, ({ metadata }) => [metadata.name ?? ''])],
      sync: async (name) => {
        const request = all.get(name);
        const { certificates } = context.config;
        if (!request?.spec || !certificates || request.status?.certificate) return undefined;
        if (has(request, 'Denied') || has(request, 'Failed')) return undefined;
        if (has(request, 'Approved')) await sign(context, certificates, request);
        else await approve(context, certificates, request);
        return undefined;
      },
    };
  },
};

const MAX_DAYS = 365;

const has = (request: CertificateSigningRequest, type: string): boolean =>
  (request.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');

const pemOf = (request: CertificateSigningRequest): string => Buffer.from(request.spec?.request ?? '', 'base64').toString('utf8');

const approve = async (
  { client, now }: ControllerContext,
  certificates: CertificateSigner,
  request: Stored<CertificateSigningRequest>,
): Promise<void> => {
  if (!isSelfRenewal(request.spec, await certificates.read(pemOf(request)))) return;
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'AutoApproved',
    message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
    lastUpdateTime: rfc3339(now()),
    lastTransitionTime: rfc3339(now()),
  };
  const conditions = [...(request.status?.conditions ?? []), condition];
  await client.update(requests, { ...request, status: { ...request.status, conditions } }, { subresource: 'approval' });
};

const sign = async (
  { client, now }: ControllerContext,
  certificates: CertificateSigner,
  request: Stored<CertificateSigningRequest>,
): Promise<void> => {
  const requestPem = pemOf(request);
  const subject = await certificates.read(requestPem);
  const verdict = judgeRequest(request.spec, subject);
  if (verdict.kind === 'leave') return;
  if (verdict.kind === 'refuse') {
    const time = rfc3339(now());
    const failed = {
      type: 'Failed',
      status: 'True',
      reason: 'SignerValidationFailure',
      message: verdict.why,
      lastUpdateTime: time,
      lastTransitionTime: time,
    };
    const conditions = [...(request.status?.conditions ?? []), failed];
    await client.update(requests, { ...request, status: { ...request.status, conditions } }, { subresource: 'status' });
    return;
  }
  const seconds = request.spec.expirationSeconds ?? MAX_DAYS * 86_400;
  const days = Math.min(seconds / 86_400, MAX_DAYS);
  const certificatePem = await certificates.sign(requestPem, { ...subject, usages: verdict.usages, days });
  const certificate = Buffer.from(certificatePem).toString('base64');
  await client.update(requests, { ...request, status: { ...request.status, certificate } }, { subresource: 'status' });
};
