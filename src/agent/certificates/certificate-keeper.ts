import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentConfig } from '../../api/config/agent-config.ts';
import { CERTIFICATES_ANNOTATION, digestOf, type UsedCertificates } from '../../api/config/used-certificates.ts';
import { node as nodeKind } from '../../api/core/node.ts';
import type { Component } from '../../base/async/component.ts';
import { fileStamp } from '../../base/files/file-stamp.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../../client/client.ts';
import type { KeyPair } from '../../pki/certificates.ts';
import { type KeyPairPaths, readKeyPair, writeKeyPair } from '../../pki/key-pair-files.ts';
import { namesAll, readLeaf, renewalTime } from '../../pki/leaf-certificate.ts';
import { requestCertificate, type WantedCertificate } from './request-certificate.ts';

/** What TLS needs, PEM. */
export interface TlsCredentials {
  ca: string;
  cert: string;
  key: string;
}

/** For the API server, and as the kubelet API. */
export interface NodeCredentials {
  client: TlsCredentials;
  serving: TlsCredentials;
}

export interface CertificateKeeperOptions {
  config: Pick<AgentConfig, 'clusterName' | 'nodeName' | 'pki'>;
  /** Names that the serving certificate must have. */
  servingNames: { dnsNames: readonly string[]; ipAddresses: readonly string[] };
  client: Client;
  log: Logger;
  now?: () => number;
  /** In [0, 1). */
  random?: () => number;
  lookMs?: number;
}

/** How often files and times are looked at. */
const LOOK_MS = 2000;
const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 300_000;
/** The Node may have been made anew since. */
const PUBLISH_AGAIN_MS = 300_000;

/**
 * The node's two certificates, for the API server (client) and as the kubelet API (serving), renewed through the API long before they end:
 *
 *   good ──70-90 % of its life, or names that it lacks──> requested ──signed──> written ──> told to who listens ──> good
 *                                                            └──refused, or no answer──> tried again after a longer wait
 *
 * Files that somebody else replaces (`slipway certs rotate`) are taken up in the same way; connections under way are never cut.
 */
export class CertificateKeeper implements Component {
  readonly name = 'certificates';
  readonly #options: Required<CertificateKeeperOptions>;
  readonly #abort = new AbortController();
  readonly #listeners: ((credentials: NodeCredentials) => void)[] = [];
  readonly #kept: Kept[];
  #loops: Promise<unknown> | undefined;
  #credentials: NodeCredentials | undefined;
  #stamp = '';
  /** JSON of UsedCertificates. */
  #used = '';

  constructor(options: CertificateKeeperOptions) {
    this.#options = { now: Date.now, random: Math.random, lookMs: LOOK_MS, ...options };
    const { config, servingNames } = this.#options;
    const { pki, nodeName } = config;
    this.#kept = [
      {
        what: 'client',
        paths: clientPaths(pki),
        wanted: { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', nodeName },
        renewAt: 0,
      },
      {
        what: 'serving',
        paths: { certFile: pki.servingCertFile, keyFile: pki.servingKeyFile },
        wanted: { signerName: 'kubernetes.io/kubelet-serving', nodeName, ...servingNames },
        renewAt: 0,
      },
    ];
  }

  /** Called with all of them whenever one has changed. */
  onChange(listener: (credentials: NodeCredentials) => void): void {
    this.#listeners.push(listener);
  }

  async start(): Promise<void> {
    this.#reload();
    // They may have been replaced since this process read them first.
    this.#tell();
    this.#loops = Promise.all([this.#follow(), this.#publish(), ...this.#kept.map((kept) => this.#keep(kept))]);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loops;
  }

  /** Takes up what was replaced on disk. */
  async #follow(): Promise<void> {
    while (await this.#pause(this.#options.lookMs)) {
      if (this.#filesStamp() === this.#stamp) continue;
      try {
        this.#reload();
        this.#tell();
      } catch (error) {
        // Half replaced: the old ones serve until the next look.
        this.#stamp = '';
        this.#options.log.warn('certificates were not taken up', { error });
      }
    }
  }

  async #keep(kept: Kept): Promise<void> {
    const { client, config, log, now, lookMs } = this.#options;
    let waitMs = FIRST_RETRY_MS;
    while (await this.#pause(lookMs)) {
      if (now() < kept.renewAt) continue;
      try {
        await writeKeyPair(kept.paths, await requestCertificate(client, kept.wanted, this.#abort.signal));
        this.#reload();
        this.#tell();
        waitMs = FIRST_RETRY_MS;
        log.info('certificate renewed', { certificate: kept.what, renewAt: new Date(kept.renewAt).toISOString() });
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        const ended = kept.notAfter !== undefined && kept.notAfter < now();
        log[ended ? 'error' : 'warn'](ended ? 'a certificate has ended and could not be renewed' : 'a certificate was not renewed', {
          certificate: kept.what,
          error,
          ...(ended ? { advice: `slipway certs rotate ${config.clusterName}` } : {}),
        });
        await this.#pause(waitMs);
        waitMs = Math.min(waitMs * 2, LAST_RETRY_MS);
      }
    }
  }

  /** Writes on the Node what is in use, so that who replaces certificates from afar sees when that has come to be. */
  async #publish(): Promise<void> {
    const { client, config, lookMs, now } = this.#options;
    let published = '';
    let at = 0;
    do {
      if (this.#used === published && now() - at < PUBLISH_AGAIN_MS) continue;
      const used = this.#used;
      const patch = { metadata: { annotations: { [CERTIFICATES_ANNOTATION]: used } } };
      await client.patch(nodeKind, { name: config.nodeName }, patch, { type: 'application/merge-patch+json' }).then(
        () => {
          published = used;
          at = now();
        },
        // The Node is not registered yet, or nobody answers: the next look tries again.
        () => {},
      );
    } while (await this.#pause(lookMs));
  }

  #reload(): void {
    this.#stamp = this.#filesStamp();
    for (const kept of this.#kept) {
      const leaf = readLeaf(readKeyPair(kept.paths).certPem);
      kept.notAfter = leaf.notAfter.getTime();
      kept.renewAt = namesAll(leaf, kept.wanted) ? renewalTime(leaf, this.#options.random()) : 0;
    }
    this.#credentials = readCredentials(this.#options.config.pki);
    this.#used = JSON.stringify(usedCertificates(this.#credentials));
  }

  #tell(): void {
    if (this.#credentials) for (const listener of this.#listeners) listener(this.#credentials);
  }

  #filesStamp(): string {
    return fileStamp(Object.values(this.#options.config.pki));
  }

  /** False once the keeper stops. */
  async #pause(ms: number): Promise<boolean> {
    await delay(ms, undefined, { signal: this.#abort.signal }).catch(() => {});
    return !this.#abort.signal.aborted;
  }
}

interface Kept {
  what: 'client' | 'serving';
  paths: KeyPairPaths;
  wanted: WantedCertificate;
  /** Milliseconds since the epoch; 0: now. */
  renewAt: number;
  notAfter?: number;
}

const usedCertificates = ({ client, serving }: NodeCredentials): UsedCertificates => ({
  trust: digestOf(client.ca),
  client: digestOf(client.cert),
  serving: digestOf(serving.cert),
});

const clientPaths = (pki: AgentConfig['pki']): KeyPairPaths => ({ certFile: pki.clientCertFile, keyFile: pki.clientKeyFile });

/** Both identities as they are on disk now. */
export const readCredentials = (pki: AgentConfig['pki']): NodeCredentials => {
  const ca = readFileSync(pki.caFile, 'utf8');
  const of = ({ certPem, keyPem }: KeyPair): TlsCredentials => ({ ca, cert: certPem, key: keyPem });
  return {
    client: of(readKeyPair(clientPaths(pki))),
    serving: of(readKeyPair({ certFile: pki.servingCertFile, keyFile: pki.servingKeyFile })),
  };
};
