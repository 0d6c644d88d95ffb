import type { Stored } from '../../../api/meta/object.ts';
import type { Pod } from '../../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts';
import type { Logger } from '../../../base/log/logger.ts';
import type { ConnectionCount } from './conntrack.ts';
import type { AskPeer } from './drain-protocol.ts';

export interface EndpointDrainOptions {
  nodeName: string;
  /** Addresses of the other nodes that are Ready, at the moment of the call. */
  livePeers: () => readonly { address: string; port: number }[];
  ask: AskPeer;
  /** Whether the peer's kernel takes connections for its agent: so it lives, however busy. */
  reaches?: (peer: { address: string; port: number }) => Promise<boolean>;
  /** Resolves when this node's rules hold all changes up to the revision. */
  programmed: (revision: bigint, signal: AbortSignal) => Promise<void>;
  countConnections: (address: string) => Promise<ConnectionCount>;
  /** Whether a Service has the pod among its targets, or will as soon as the slices follow. */
  isSelected?: (pod: Stored<Pod>) => boolean;
  silenceMs?: number;
  log: Logger;
}

const DEFAULT_BOUND_MS = 2_000;
/**
 * How long connections under way get to end. Where slices and acknowledgements took longer than usual the machines are busy, and
 * requests take longer too: then it is this many times what those took.
 */
const CONNECTIONS_BOUND_MS = 1_000;
const CONNECTIONS_FACTOR = 4;
/**
 * And those that are opening: where a pod is too busy to take it, the first packet is dropped, and sent again after one second, then after two more. It
 * goes to the same pod, which must not have ended by then.
 */
const OPENING_BOUND_MS = 3_500;
const FIRST_CONNECTION_POLL_MS = 20;
const LAST_CONNECTION_POLL_MS = 250;
const RETRY_MS = 50;
/** A node is asked anew this often, so that its "not yet" tells that it lives. */
const QUESTION_MS = 500;
/** A node that says nothing at all for this long is taken for dead, and sends nothing to anybody. */
const DEFAULT_SILENCE_MS = 2_000;
/** Above this many nodes one question to each, per pod, costs more than it saves: the pause alone remains. */
const MAX_PEERS = 200;
const MAX_REMEMBERED = 2_000;

interface Membership {
  /** Slices that send new connections to the pod. */
  active: Set<string>;
  /** Revision of the last slice change about the pod. */
  revision: bigint;
}

/**
 * Holds a terminating pod's SIGTERM until nobody sends it new connections:
 *
 *   listed as ready --(slices say terminating)--> taken out --(every live node has programmed that revision)--> unreachable
 *     --(connections under way have ended)--> drained
 */
export class EndpointDrain {
  readonly #options: EndpointDrainOptions;
  readonly #pods = new Map<string, Membership>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(options: EndpointDrainOptions) {
    this.#options = options;
  }

  /** To be called with every change of a slice, before the proxy programs it. */
  observe(slice: Stored<EndpointSlice>, change: { deleted: boolean; old?: Stored<EndpointSlice> | undefined }): void {
    const key = `${slice.metadata.namespace}/${slice.metadata.name}`;
    const revision = BigInt(slice.metadata.resourceVersion ?? '0');
    const listed = new Map<string, boolean>();
    for (const endpoint of change.old?.endpoints ?? []) this.#note(listed, endpoint, false);
    for (const endpoint of slice.endpoints ?? []) {
      // With `publishNotReadyAddresses` an endpoint stays ready to its end: more than that it ends the slices will not say.
      const { ready = true, terminating = false } = endpoint.conditions ?? {};
      this.#note(listed, endpoint, !change.deleted && ready && !terminating);
    }
    for (const [uid, active] of listed) {
      const membership = this.#pods.get(uid) ?? { active: new Set<string>(), revision: 0n };
      if (active) membership.active.add(key);
      else membership.active.delete(key);
      if (revision > membership.revision) membership.revision = revision;
      this.#pods.delete(uid);
      this.#pods.set(uid, membership);
      if (membership.active.size === 0) for (const wake of this.#waiting.get(uid) ?? []) wake();
    }
    this.#forgetOldest();
  }

  async awaitDrained(pod: Stored<Pod>, options: { signal?: AbortSignal; boundMs?: number } = {}): Promise<{ drained: boolean }> {
    const uid = pod.metadata.uid ?? '';
    const address = pod.status?.podIP;
    // A pod on the host's network shares its address with the node: its connections cannot be told apart.
    if (!address || !this.#concerns(pod)) return { drained: true };
    const beganAt = performance.now();
    const boundMs = options.boundMs ?? DEFAULT_BOUND_MS;
    const signal = options.signal ? AbortSignal.any([options.signal, AbortSignal.timeout(boundMs)]) : AbortSignal.timeout(boundMs);
    try {
      await this.#takenOut(uid, signal);
      const revision = this.#pods.get(uid)?.revision ?? 0n;
      const peers = this.#options.livePeers();
      await Promise.all([
        this.#options.programmed(revision, signal),
        ...(peers.length <= MAX_PEERS ? peers.map((peer) => this.#peerProgrammed(peer, revision, signal)) : [pause(MAX_PAUSE_MS, signal)]),
      ]);
      const openMs = Math.max(CONNECTIONS_BOUND_MS, CONNECTIONS_FACTOR * (performance.now() - beganAt));
      if (!pod.spec?.hostNetwork) await this.#connectionsEnded(address, { openMs, signal });
      return { drained: true };
    } catch (error) {
      this.#options.log.debug('a pod ends before it is drained', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, error });
      return { drained: false };
    }
  }

  /** A pod that was ready only a moment ago may be on its way into a slice, which other nodes then hear of before this one. */
  #concerns(pod: Stored<Pod>): boolean {
    if (this.#pods.has(pod.metadata.uid ?? '')) return true;
    const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
    return ready && (this.#options.isSelected?.(pod) ?? false);
  }

  #note(listed: Map<string, boolean>, endpoint: NonNullable<EndpointSlice['endpoints']>[number], active: boolean): void {
    const uid = endpoint.targetRef?.uid;
    if (uid !== undefined && endpoint.nodeName === this.#options.nodeName) listed.set(uid, active);
  }

  #takenOut(uid: string, signal: AbortSignal): Promise<void> {
    if (this.#pods.get(uid)?.active.size === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const wakers = this.#waiting.get(uid) ?? new Set();
      this.#waiting.set(uid, wakers);
      const end = (finish: () => void) => (): void => {
        wakers.delete(wake);
        if (wakers.size === 0) this.#waiting.delete(uid);
        signal.removeEventListener('abort', abort);
        finish();
      };
      const wake = end(resolve);
      const abort = end(() => reject(signal.reason));
      wakers.add(wake);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** Any answer shows that the node lives; then it is asked until the signal ends the wait. */
  async #peerProgrammed(peer: { address: string; port: number }, revision: bigint, signal: AbortSignal): Promise<void> {
    const silenceMs = this.#options.silenceMs ?? DEFAULT_SILENCE_MS;
    let silentAt = performance.now() + QUESTION_MS + silenceMs;
    for (;;) {
      const patience = AbortSignal.timeout(Math.max(1, Math.ceil(silentAt - performance.now())));
      try {
        if (await this.#options.ask(peer, revision, AbortSignal.any([signal, patience]), QUESTION_MS)) return;
        silentAt = performance.now() + QUESTION_MS + silenceMs;
      } catch (error) {
        if (performance.now() >= silentAt) {
          if (await this.#options.reaches?.(peer)) {
            silentAt = performance.now() + QUESTION_MS + silenceMs;
            continue;
          }
          this.#options.log.debug('a node that says nothing is not waited for', { address: peer.address, error });
          return;
        }
      }
      await pause(RETRY_MS, signal);
    }
  }

  async #connectionsEnded(address: string, { openMs, signal }: { openMs: number; signal: AbortSignal }): Promise<void> {
    const beganAt = performance.now();
    const openingMs = Math.max(openMs, OPENING_BOUND_MS);
    // The first look comes a moment later: a connection that was just let through has to show up.
    let pollMs = FIRST_CONNECTION_POLL_MS;
    await pause(pollMs, signal);
    while (!signal.aborted) {
      // A look that fails has seen nothing, neither connections nor their absence.
      const { open, opening } = await this.#options.countConnections(address).catch(() => ({ open: 1, opening: 0 }));
      const took = performance.now() - beganAt;
      if (opening ? took > openingMs : !open || took > openMs) return;
      await pause(pollMs, signal).catch(() => {});
      // Each look reads the node's whole table of connections.
      pollMs = Math.min(LAST_CONNECTION_POLL_MS, pollMs * 1.5);
    }
  }

  #forgetOldest(): void {
    for (const [uid, membership] of this.#pods) {
      if (this.#pods.size <= MAX_REMEMBERED) return;
      if (membership.active.size === 0) this.#pods.delete(uid);
    }
  }
}

const MAX_PAUSE_MS = 500;

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
