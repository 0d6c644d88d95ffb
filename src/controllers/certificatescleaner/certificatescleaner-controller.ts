import { certificateSigningRequest as requests } from '../../api/certificates/certificate-signing-request.ts';
import { hasReason, isNotFound } from '../../api/meta/status.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';
import { type Controller, watchOf } from '../controller.ts';
import { dueTimeOf } from './certificatescleaner-decide.ts';

/** Certificate requests go once nobody needs them: nodes make a new one with every renewal. */
export const certificatesCleanerController: Controller = {
  name: 'certificatesigningrequest-cleaner',
  serviceAccount: 'certificate-controller',
  workers: 1,
  build: ({ client, informers, now }) => {
    const all = informers.of<CertificateSigningRequest>(requests);
    return {
      watches: [watchOf(all, ({ metadata }) => [metadata.name ?? ''])],
      sync: async (name) => {
        const request = all.get(name);
        const due = request && dueTimeOf(request);
        if (!request || due === undefined) return undefined;
        if (due > now()) return { requeueAfterMs: Math.min(due - now(), LONGEST_MS) };
        const { uid, resourceVersion } = request.metadata;
        await client.delete(requests, { name }, { preconditions: { uid, resourceVersion } }).catch((error: unknown) => {
          if (!isNotFound(error) && !hasReason(error, 'Conflict')) throw error;
        });
        return undefined;
      },
    };
  },
};

/** A sleeping computer's timers stand still: looked at again at least so often, as upstream does. */
const LONGEST_MS = 3_600_000;
