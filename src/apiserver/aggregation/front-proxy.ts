import { randomUUID } from 'node:crypto';
import { configMap } from '../../api/core/config-map.ts';
import { secret } from '../../api/core/secret.ts';
import type { Kind } from '../../api/kind.ts';
import { apiVersionOf, type KubeObject } from '../../api/meta/object.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../pki/certificates.ts';
import { StoreError } from '../../store/store.ts';
import type { WatchCache } from '../watch/watch-cache.ts';

const NAMESPACE = 'kube-system';
const AUTHORITY_SECRET = 'slipway-front-proxy';
const CLIENT_NAME = 'front-proxy-client';
const AUTHORITY_YEARS = 10;
const CERTIFICATE_DAYS = 90;
const RENEW_AFTER_MS = 30 * 24 * 3600_000;

/**
 * How extension API servers know that it is an API server of this cluster which tells them who asks: a client certificate of an authority
 * that signs nothing else. Its key lies in a Secret, so that all API servers share it; the ConfigMap that extensions read names it.
 */
export class FrontProxy {
  readonly #cache: WatchCache;
  readonly #now: () => number;
  #made: { at: number; credentials: Promise<KeyPair> } | undefined;

  constructor(options: { cache: WatchCache; now: () => number }) {
    this.#cache = options.cache;
    this.#now = options.now;
  }

  /** The client certificate; made when first needed and again from time to time. */
  credentials(): Promise<KeyPair> {
    const now = this.#now();
    if (!this.#made || now - this.#made.at > RENEW_AFTER_MS) {
      const credentials = this.#issue();
      this.#made = { at: now, credentials };
      credentials.catch(() => {
        // Tried again by the next who needs it; those who wait are told.
        this.#made = undefined;
      });
    }
    return this.#made.credentials;
  }

  /** Puts the authority where extensions look for it. */
  async publish(): Promise<void> {
    const { certPem } = await this.#authority();
    const resource = this.#cache.resource(configMap);
    const item = await resource.get({ namespace: NAMESPACE, name: 'extension-apiserver-authentication' });
    if (!item) return;
    const next = item.parse() as KubeObject & { data?: Record<string, string> };
    next.data = {
      ...next.data,
      'requestheader-client-ca-file': certPem,
      'requestheader-allowed-names': JSON.stringify([CLIENT_NAME]),
      'requestheader-username-headers': JSON.stringify(['X-Remote-User']),
      'requestheader-uid-headers': JSON.stringify(['X-Remote-Uid']),
      'requestheader-group-headers': JSON.stringify(['X-Remote-Group']),
      'requestheader-extra-headers-prefix': JSON.stringify(['X-Remote-Extra-']),
    };
    await resource.update(item, next);
  }

  async #issue(): Promise<KeyPair> {
    return issueCertificate(await this.#authority(), { commonName: CLIENT_NAME, usages: ['client'], days: CERTIFICATE_DAYS });
  }

  /** The first API server makes it. */
  async #authority(): Promise<KeyPair> {
    const resource = this.#cache.resource(secret);
    const target = { namespace: NAMESPACE, name: AUTHORITY_SECRET };
    for (;;) {
      const item = await resource.get(target);
      if (item) {
        const { data = {} } = item.object as KubeObject & { data?: Record<string, string> };
        const text = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString();
        return { certPem: text('tls.crt'), keyPem: text('tls.key') };
      }
      const made = await createAuthority({ commonName: 'front-proxy-ca', years: AUTHORITY_YEARS });
      const bytes = (text: string): string => Buffer.from(text).toString('base64');
      await resource
        .create(
          target,
          stored(secret, this.#now(), {
            type: 'kubernetes.io/tls',
            data: { 'tls.crt': bytes(made.certPem), 'tls.key': bytes(made.keyPem) },
          }),
        )
        .catch((error: unknown) => {
          if (!(error instanceof StoreError && error.kind === 'KeyExists')) throw error;
        });
    }
  }
}

const stored = (kind: Kind, now: number, fields: object): KubeObject => ({
  kind: kind.kind,
  apiVersion: apiVersionOf(kind),
  metadata: {
    name: AUTHORITY_SECRET,
    namespace: NAMESPACE,
    uid: randomUUID(),
    creationTimestamp: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
  },
  ...fields,
});
