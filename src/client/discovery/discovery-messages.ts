import { createHash, X509Certificate } from 'node:crypto';
import { certificatesIn } from '../../pki/leaf-certificate.ts';

/** Where API servers listen for questions: on their port, by UDP, in this group and to broadcasts. */
export const DISCOVERY_GROUP = '239.255.86.87';
export const DISCOVERY_PORT = 6443;

/** "Which API servers are there of the clusters with these authorities?" */
export interface DiscoveryQuery {
  clusters: readonly string[];
  nonce: string;
}

/** A hint, no more: whoever gets it checks by TLS that the cluster's authority vouches for what is there. */
export interface DiscoveryAnswer {
  cluster: string;
  nonce: string;
  servers: readonly string[];
}

/** Questions are as long as the longest answer: nobody can be flooded with answers to small questions in their name. */
export const MESSAGE_BYTES = 512;
const VERSION = 1;

/** What names a cluster on the network: digests of its authorities' certificates, which tell nothing else. */
export const clusterIds = (trustPem: string): string[] =>
  certificatesIn(trustPem).map((pem) => createHash('sha256').update(new X509Certificate(pem).raw).digest('hex').slice(0, 32));

export const encodeQuery = ({ clusters, nonce }: DiscoveryQuery): Buffer => {
  const text = JSON.stringify({ slipway: VERSION, clusters, nonce });
  return Buffer.from(text.padEnd(MESSAGE_BYTES, ' '));
};

/** Undefined for anything that is no question. */
export const decodeQuery = (bytes: Buffer): DiscoveryQuery | undefined => {
  const message = bytes.length >= MESSAGE_BYTES ? parse(bytes) : undefined;
  const { clusters, nonce } = message ?? {};
  return isTexts(clusters) && typeof nonce === 'string' ? { clusters, nonce } : undefined;
};

/** Undefined where it would be longer than a question. */
export const encodeAnswer = (answer: DiscoveryAnswer): Buffer | undefined => {
  const bytes = Buffer.from(JSON.stringify({ slipway: VERSION, ...answer }));
  return bytes.length <= MESSAGE_BYTES ? bytes : undefined;
};

export const decodeAnswer = (bytes: Buffer): DiscoveryAnswer | undefined => {
  const { cluster, nonce, servers } = parse(bytes) ?? {};
  if (typeof cluster !== 'string' || typeof nonce !== 'string' || !isTexts(servers)) return undefined;
  return servers.every((server) => /^https:\/\/[0-9a-f.:[\]]+$/i.test(server)) ? { cluster, nonce, servers } : undefined;
};

const parse = (bytes: Buffer): Record<string, unknown> | undefined => {
  if (bytes.length > 4 * MESSAGE_BYTES) return undefined;
  try {
    const message = JSON.parse(bytes.toString('utf8')) as Record<string, unknown> | null;
    return message?.['slipway'] === VERSION ? message : undefined;
  } catch {
    // Somebody else's protocol.
    return undefined;
  }
};

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.length <= 16 && value.every((one) => typeof one === 'string');
