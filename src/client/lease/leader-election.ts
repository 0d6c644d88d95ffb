import { lease as leases } from '../../api/coordination/lease.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../api/meta/status.ts';
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../client.ts';

export interface LeaderElectionOptions {
  client: Client;
  namespace: string;
  name: string;
  /** Unique among the candidates. */
  identity: string;
  log: Logger;
  /** Milliseconds since the epoch. */
  now?: () => number;
  random?: () => number;
  /** Others may take over when the holder has not renewed for so long. Default 15. */
  leaseSeconds?: number;
  /** The holder gives up when it could not renew for so long; less than `leaseSeconds`. Default 10. */
  renewDeadlineSeconds?: number;
  /** Between tries. Default 2. */
  retrySeconds?: number;
  signal: AbortSignal;
  /** Runs while this candidate leads; its signal aborts when the lease is lost. Must end soon after. */
  lead: (signal: AbortSignal) => Promise<void>;
}

/**
 * Upstream's leader election on a Lease: whoever holds it leads, and at most one does as long as clocks run at the same speed
 * (absolute clocks are not compared: a candidate measures how long it has not seen the lease change). Candidates again after
 * a loss, until `signal` aborts; then the lease is given up so that the next one need not wait.
 */
export const electLeader = async (options: LeaderElectionOptions): Promise<void> => {
  const { signal, log, retrySeconds = 2, random = Math.random } = options;
  const candidate = new Candidate(options);
  while (!signal.aborted) {
    if (await candidate.tryToHold()) {
      log.info('leading', { lease: options.name, identity: options.identity });
      await candidate.leadUntilLost();
      if (!signal.aborted) log.warn('lease lost', { lease: options.name, identity: options.identity });
    } else {
      await wait(retrySeconds * 1000 * (1 + 0.2 * random()), signal);
    }
  }
};

class Candidate {
  readonly #options: LeaderElectionOptions;
  readonly #now: () => number;
  readonly #leaseMs: number;
  /** What was last read, and when it was first seen so (our clock). */
  #seen: { resourceVersion: string; at: number } | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#leaseMs = (options.leaseSeconds ?? 15) * 1000;
  }

  /** Takes or renews. False when another holds it or the server cannot be asked. */
  async tryToHold(): Promise<boolean> {
    const { client, namespace, name, identity, log, leaseSeconds = 15 } = this.#options;
    try {
      const current = await client.get<Stored<Lease>>(leases, { namespace, name });
      const { resourceVersion = '' } = current.metadata;
      const seen = this.#seen?.resourceVersion === resourceVersion ? this.#seen : { resourceVersion, at: this.#now() };
      this.#seen = seen;
      const holder = current.spec?.holderIdentity ?? '';
      const heldMs = (current.spec?.leaseDurationSeconds ?? leaseSeconds) * 1000;
      if (holder && holder !== identity && this.#now() < seen.at + Math.max(heldMs, this.#leaseMs)) return false;
      const time = microTime(this.#now());
      const isMine = holder === identity;
      const written = await client.update<Stored<Lease>>(leases, {
        ...current,
        spec: {
          ...current.spec,
          holderIdentity: identity,
          leaseDurationSeconds: leaseSeconds,
          acquireTime: isMine ? (current.spec?.acquireTime ?? time) : time,
          renewTime: time,
          leaseTransitions: (current.spec?.leaseTransitions ?? 0) + (isMine ? 0 : 1),
        },
      });
      this.#seen = { resourceVersion: written.metadata.resourceVersion ?? '', at: this.#now() };
      return true;
    } catch (error) {
      if (isNotFound(error)) return this.#create();
      if (!isConflict(error)) log.debug('lease cannot be read or written', { lease: name, error });
      return false;
    }
  }

  async leadUntilLost(): Promise<void> {
    const { signal, lead, log, retrySeconds = 2, renewDeadlineSeconds = 10 } = this.#options;
    const leading = new AbortController();
    const stopLeading = (): void => leading.abort();
    signal.addEventListener('abort', stopLeading, { once: true });
    const work = lead(leading.signal).catch((error: unknown) => log.error('the leader failed', { error }));
    void work.then(stopLeading);
    let renewedAt = this.#now();
    while (!leading.signal.aborted) {
      await wait(retrySeconds * 1000, leading.signal);
      if (leading.signal.aborted) break;
      if (await this.tryToHold()) renewedAt = this.#now();
      else if (this.#now() - renewedAt >= renewDeadlineSeconds * 1000) stopLeading();
    }
    signal.removeEventListener('abort', stopLeading);
    await work;
    await this.#release();
  }

  async #create(): Promise<boolean> {
    const { client, namespace, name, identity, log, leaseSeconds = 15 } = this.#options;
    const time = microTime(this.#now());
    try {
      await client.create(leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { namespace, name },
        spec: { holderIdentity: identity, leaseDurationSeconds: leaseSeconds, acquireTime: time, renewTime: time, leaseTransitions: 0 },
      });
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) log.debug('lease cannot be created', { lease: name, error });
      return false;
    }
  }

  /** Best effort: when it fails, the others wait for the lease to run out. */
  async #release(): Promise<void> {
    const { client, namespace, name, identity } = this.#options;
    try {
      const current = await client.get<Stored<Lease>>(leases, { namespace, name });
      if (current.spec?.holderIdentity !== identity) return;
      const time = microTime(this.#now());
      await client.update(leases, {
        ...current,
        spec: { ...current.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: time, renewTime: time },
      });
    } catch {
      // The lease runs out by itself.
    }
  }
}

/** `2026-01-02T03:04:05.678000Z`, the form of Kubernetes' MicroTime. */
const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
