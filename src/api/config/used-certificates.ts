import { createHash } from 'node:crypto';

/** On a Node: what its agent uses now, as JSON of `UsedCertificates`. */
export const CERTIFICATES_ANNOTATION = 'slipway.local/certificates';

/** Digests of PEM texts. */
export interface UsedCertificates {
  /** The authorities that it trusts. */
  trust: string;
  client: string;
  serving: string;
}

export const digestOf = (pem: string): string => createHash('sha256').update(pem.trim()).digest('hex').slice(0, 16);
