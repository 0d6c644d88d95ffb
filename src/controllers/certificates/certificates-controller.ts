import { subjectAccessReview } from '../../api/authorization/subject-access-review.ts';
import { certificateSigningRequest as requests } from '../../api/certificates/certificate-signing-request.ts';
import { node as nodeKind } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { SubjectAccessReview } from '../../api/types/authorization-v1.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { type CertificateSigner, type Controller, type ControllerContext, watchOf } from '../controller.ts';
import { rfc3339 } from '../pods.ts';
import { isSelfRenewal, judgeRequest, mayServe } from './certificates-decide.ts';

/** How often a node's request is judged anew: its Node may not have its new address yet. */
const AGAIN_MS = 2000;
/** A request that is older is left to a person. */
const YOUNG_MS = 600_000;

/** Approves nodes that renew their own certificates, and signs what is approved. */
export const certificatesController: Controller = {
  name: 'certificatesigningrequest',
  serviceAccount: 'certificate-controller',
  build: (context) => {
    const all = context.informers.of<CertificateSigningRequest>(requests);
    const nodes = context.informers.of<Node>(nodeKind);
    return {
      watches: [watchOf(all, ({ metadata }) => [metadata.name ?? ''])],
      sync: async (name) => {
        const request = all.get(name);
        const { certificates } = context.config;
        if (!request?.spec || !certificates || request.status?.certificate) return undefined;
        if (has(request, 'Denied') || has(request, 'Failed')) return undefined;
        if (has(request, 'Approved')) await sign(context, certificates, request);
        else if (!(await approve(context, { certificates, nodes }, request)) && isYoung(context, request))
          return request.spec.signerName === 'kubernetes.io/kubelet-serving' ? { requeueAfterMs: AGAIN_MS } : undefined;
        return undefined;
      },
    };
  },
};

const MAX_SECONDS = 365 * 86_400;

const isYoung = ({ now }: ControllerContext, { metadata }: Stored<CertificateSigningRequest>): boolean =>
  now() - Date.parse(metadata.creationTimestamp ?? '') < YOUNG_MS;

const has = (request: CertificateSigningRequest, type: string): boolean =>
  (request.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');

const pemOf = (request: CertificateSigningRequest): string => Buffer.from(request.spec?.request ?? '', 'base64').toString('utf8');

/** Answers whether it did. */
const approve = async (
  context: ControllerContext,
  { certificates, nodes }: { certificates: CertificateSigner; nodes: InformerReads<Node> },
  request: Stored<CertificateSigningRequest>,
): Promise<boolean> => {
  const { client, config, now } = context;
  const subject = await certificates.read(pemOf(request));
  const isClient = isSelfRenewal(request.spec, subject) && (await mayRenew(context, request));
  const isServing = !isClient && mayServe(request.spec, subject, { nodes: nodes.list(), serviceCidr: config.serviceCidr });
  if (!isClient && !isServing) return false;
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'AutoApproved',
    message: isClient
      ? 'Auto approving self kubelet client certificate after SubjectAccessReview.'
      : 'Auto approving kubelet serving certificate for the own name and addresses of the node.',
    lastUpdateTime: rfc3339(now()),
    lastTransitionTime: rfc3339(now()),
  };
  const conditions = [...(request.status?.conditions ?? []), condition];
  await client.update(requests, { ...request, status: { ...request.status, conditions } }, { subresource: 'approval' });
  return true;
};

/** As upstream: who takes the right from nodes (the binding to `...:selfnodeclient`) stops the approving. */
const mayRenew = async ({ client }: ControllerContext, { spec }: CertificateSigningRequest): Promise<boolean> => {
  const review = await client.create<SubjectAccessReview>(subjectAccessReview, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      ...(spec.username ? { user: spec.username } : {}),
      ...(spec.uid ? { uid: spec.uid } : {}),
      groups: spec.groups ?? [],
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        subresource: 'selfnodeclient',
        verb: 'create',
        version: '*',
      },
    },
  });
  return review.status?.allowed === true;
};

const sign = async (
  { client, config, now }: ControllerContext,
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
  const longest = config.certificateSeconds ?? MAX_SECONDS;
  const days = Math.min(request.spec.expirationSeconds ?? longest, longest) / 86_400;
  const certificatePem = await certificates.sign(requestPem, { ...subject, usages: verdict.usages, days });
  const certificate = Buffer.from(certificatePem).toString('base64');
  await client.update(requests, { ...request, status: { ...request.status, certificate } }, { subresource: 'status' });
};
