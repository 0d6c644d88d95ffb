import { X509Certificate } from 'node:crypto';
import type { Stored } from '../../api/meta/object.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.ts';

const HOUR_MS = 3_600_000;
/** As upstream: what was answered has been read by then, and what nobody has answered in a day nobody will. */
const ANSWERED_MS = HOUR_MS;
const PENDING_MS = 24 * HOUR_MS;

/**
 * When a request is to go, in milliseconds since the epoch; undefined while nothing but a change can make it due. An issued one goes an hour
 * after its approval, or with its certificate if that ends earlier; one that was denied or has failed goes an hour after that. One that is approved and
 * waits for its certificate stays: its signer may be slow.
 */
export const dueTimeOf = (request: Stored<CertificateSigningRequest>): number | undefined => {
  const { conditions = [], certificate } = request.status ?? {};
  if (!conditions.length) return later(request.metadata.creationTimestamp, PENDING_MS);
  const due = conditions.flatMap(({ type, lastUpdateTime }) =>
    type === 'Denied' || type === 'Failed' || (type === 'Approved' && certificate) ? (later(lastUpdateTime, ANSWERED_MS) ?? []) : [],
  );
  if (certificate && conditions.some(({ type }) => type === 'Approved')) due.push(endOf(certificate) ?? Number.POSITIVE_INFINITY);
  const first = Math.min(...due);
  return Number.isFinite(first) ? first : undefined;
};

const later = (time: string | undefined, byMs: number): number | undefined => {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? undefined : at + byMs;
};

/** Of the first certificate; undefined for what is none: a signer may write what it likes. */
const endOf = (certificate: string): number | undefined => {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
  } catch {
    return undefined;
  }
};
