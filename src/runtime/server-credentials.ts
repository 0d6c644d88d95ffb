import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerConfig } from '../api/config/server-config.ts';
import type { Component } from '../base/async/component.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { fileStamp } from '../base/files/file-stamp.ts';
import type { Logger } from '../base/log/logger.ts';
import type { KeyPair } from '../pki/certificates.ts';
import { type KeyPairPaths, readKeyPair, writeKeyPair } from '../pki/key-pair-files.ts';
import { authorityOf, isSignedBy, namesAll, readLeaf, renewalTime } from '../pki/leaf-certificate.ts';

/** A control plane's secrets as they are on disk, PEM. */
export interface ServerSecrets {
  caPem: string;
  serving: KeyPair;
  agentClient: KeyPair;
  /** Of service accounts: see `signingKeysIn`. */
  signingKeys: string;
}

export interface ServerCredentialsOptions {
  config: Pick<ServerConfig, 'clusterName' | 'pki' | 'certificateSeconds'>;
  /** The server's own address: its certificate names it. */
  address: () => string;
  log: Logger;
  now?: () => number;
  /** In [0, 1). */
  random?: () => number;
  lookMs?: number;
}

/** How often files, times and the address are looked at. */
const LOOK_MS = 2000;
const DEFAULT_SECONDS = 365 * 86_400;
const DAY_SECONDS = 86_400;

/**
 * Keeps the certificates of a control plane good: it renews its own two leaves with the authority's key long before they end, or when its
 * address has changed, and takes up whatever somebody else replaces on disk. Who uses them is told, and cuts no connection.
 */
export class ServerCredentials implements Component {
  readonly name = 'credentials';
  readonly #options: Required<ServerCredentialsOptions>;
  readonly #abort = new AbortController();
  readonly #listeners: ((secrets: ServerSecrets) => Promise<void> | void)[] = [];
  #secrets: ServerSecrets;
  #stamp = '';
  #renewAt = { serving: 0, agentClient: 0 };
  #loop: Promise<void> | undefined;

  /** Reads what there is. Throws CONFIG_INVALID that names the file. */
  constructor(options: ServerCredentialsOptions) {
    this.#options = { now: Date.now, random: Math.random, lookMs: LOOK_MS, ...options };
    this.#secrets = this.#read();
  }

  get current(): ServerSecrets {
    return this.#secrets;
  }

  onChange(listener: (secrets: ServerSecrets) => Promise<void> | void): void {
    this.#listeners.push(listener);
  }

  /** A certificate that has ended, or names another address, is renewed before anybody is served with it. */
  async start(): Promise<void> {
    await this.#look().catch((error: unknown) => this.#options.log.error('certificates could not be renewed', { error }));
    this.#loop = this.#follow();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await delay(this.#options.lookMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await this.#look().catch((error: unknown) => this.#options.log.warn('certificates were not taken up', { error }));
    }
  }

  async #look(): Promise<void> {
    const { log } = this.#options;
    const stamp = fileStamp(this.#files());
    const isFirst = this.#stamp === '';
    const replaced = stamp !== this.#stamp;
    if (replaced) {
      this.#secrets = this.#read();
      this.#stamp = stamp;
      this.#reckon();
    }
    const renewed = await this.#renewDue();
    for (const name of renewed) log.info('certificate renewed', { certificate: name });
    if (renewed.length) {
      this.#secrets = this.#read();
      this.#stamp = fileStamp(this.#files());
      this.#reckon();
    }
    if (renewed.length || (replaced && !isFirst)) for (const listener of this.#listeners) await listener(this.#secrets);
  }

  /** Names of the leaves that were renewed. */
  async #renewDue(): Promise<string[]> {
    const { config, address, now } = this.#options;
    const { pki } = config;
    const { caPem, serving, agentClient } = this.#secrets;
    const renewed: string[] = [];
    const servingLeaf = readLeaf(serving.certPem);
    if (now() >= this.#renewAt.serving || !namesAll(servingLeaf, { ipAddresses: [address()] })) {
      const authority = this.#authority(caPem);
      if (authority) {
        const ipAddresses = [...new Set([...servingLeaf.ipAddresses, address()])];
        await this.#issue(authority, servingPaths(pki), {
          commonName: 'kube-apiserver',
          dnsNames: servingLeaf.dnsNames,
          ipAddresses,
          usage: 'server',
        });
        renewed.push('apiserver');
      }
    }
    if (now() >= this.#renewAt.agentClient) {
      const authority = this.#authority(caPem);
      if (authority && isSignedBy(agentClient.certPem, caPem)) {
        await this.#issue(authority, agentClientPaths(pki), { commonName: 'kube-apiserver-kubelet-client', usage: 'client' });
        renewed.push('apiserver-kubelet-client');
      }
    }
    return renewed;
  }

  async #issue(
    authority: KeyPair,
    paths: KeyPairPaths,
    wanted: { commonName: string; dnsNames?: string[]; ipAddresses?: string[]; usage: 'server' | 'client' },
  ): Promise<void> {
    // Loaded here, because it is large and used once in months.
    const { issueCertificate } = await import('../pki/certificates.ts');
    const { usage, ...names } = wanted;
    const days = (this.#options.config.certificateSeconds ?? DEFAULT_SECONDS) / DAY_SECONDS;
    await writeKeyPair(paths, await issueCertificate(authority, { ...names, usages: [usage], days }));
  }

  /** Undefined where this server does not hold the authority's key. */
  #authority(caPem: string): KeyPair | undefined {
    const { caKeyFile } = this.#options.config.pki;
    if (!caKeyFile) return undefined;
    const keyPem = readFileSync(caKeyFile, 'utf8');
    const certPem = authorityOf(caPem, keyPem);
    return certPem ? { certPem, keyPem } : undefined;
  }

  #reckon(): void {
    const at = (pair: KeyPair): number => renewalTime(readLeaf(pair.certPem), this.#options.random());
    this.#renewAt = { serving: at(this.#secrets.serving), agentClient: at(this.#secrets.agentClient) };
  }

  #files(): string[] {
    const { pki } = this.#options.config;
    return [
      pki.caFile,
      pki.serviceAccountKeyFile,
      ...[servingPaths(pki), agentClientPaths(pki)].flatMap(({ certFile, keyFile }) => [certFile, keyFile]),
    ];
  }

  #read(): ServerSecrets {
    const { pki } = this.#options.config;
    return {
      caPem: readNamed('pki.caFile', pki.caFile),
      serving: pairNamed('pki.certFile', servingPaths(pki)),
      agentClient: pairNamed('pki.kubeletClientCertFile', agentClientPaths(pki)),
      signingKeys: readNamed('pki.serviceAccountKeyFile', pki.serviceAccountKeyFile),
    };
  }
}

const servingPaths = (pki: ServerConfig['pki']): KeyPairPaths => ({ certFile: pki.certFile, keyFile: pki.keyFile });
const agentClientPaths = (pki: ServerConfig['pki']): KeyPairPaths => ({
  certFile: pki.kubeletClientCertFile,
  keyFile: pki.kubeletClientKeyFile,
});

const pairNamed = (field: string, paths: KeyPairPaths): KeyPair => {
  try {
    return readKeyPair(paths);
  } catch (error) {
    throw new SlipwayError('CONFIG_INVALID', { tried: `read ${paths.certFile}, which ${field} names`, cause: error as Error });
  }
};

/** Throws CONFIG_INVALID. */
export const readNamed = (field: string, path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SlipwayError('CONFIG_INVALID', { tried: `read ${path}, which ${field} names`, cause: error as Error });
  }
};
