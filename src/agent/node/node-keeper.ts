import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type AgentConfig, SINCE_ANNOTATION, VERSION_ANNOTATION } from '../../api/config/agent-config.ts';
import { lease as leaseKind } from '../../api/coordination/lease.ts';
import { node as nodeKind } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../api/meta/status.ts';
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { Node, NodeStatus } from '../../api/types/core-v1.ts';
import type { Component } from '../../base/async/component.ts';
import type { Logger } from '../../base/log/logger.ts';
import { PRODUCT_VERSION } from '../../base/product.ts';
import type { Client } from '../../client/client.ts';
import type { CriClient } from '../cri/cri-client.ts';
import { type Machine, readPressure } from './machine.ts';
import { nodeStatus, parseTaint } from './node-status.ts';
import { isSucceeded } from './succession.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const RENEW_MS = 3000;
/** How often the node looks at itself; what has not changed is not written. */
const LOOK_MS = 10_000;
/** An unchanged status is written again after this long. */
const HEARTBEAT_MS = 300_000;
const RETRY_MS = 1000;
/** After the first status: the list of pods may find the API later than that did, and a node that is heard of must not count as silent. */
const PODS_PATIENCE_MS = 3000;
/** A lease that was silent for longer may have been noticed: the status in the API may not be what was written last. */
const SILENCE_MS = 8000;
/** How long the status is written at every look then: a controller's last word on the silence may come after the first. */
const DOUBT_MS = 15_000;

export interface NodeKeeperOptions {
  client: Client;
  config: AgentConfig;
  cri: CriClient;
  log: Logger;
  machine: Machine;
  now: () => number;
  /** What keeps the node from being ready. */
  problems(): string[];
  /** Resolves once the API has been told how the pods of before are now: whoever sees the lease renewed sees no old status any more. */
  podsTold: Promise<unknown>;
  /** The Node says that another machine is it now. Nothing is written any more. */
  succeeded(): void;
}

/**
 * The Node object: made when the node is new, its status kept true, its lease renewed.
 *
 *   register ──> look (every 10 s, and at `poke`) ──changed, or 5 min──> write status
 *            └─> pods told ─> renew the lease every 3 s ──after a silence──> poke, and write whatever has been written before
 */
export class NodeKeeper implements Component {
  readonly name = 'node';
  readonly #options: NodeKeeperOptions;
  readonly #abort = new AbortController();
  #loops: Promise<unknown> | undefined;
  #node: Stored<Node> | undefined;
  #written: NodeStatus | undefined;
  readonly #firstStatus = Promise.withResolvers<void>();
  #writtenAt = 0;
  #renewedAt = 0;
  #doubtUntil = 0;
  /** The Node may not be the one that is known. */
  #isDoubtful = false;
  #lease: Lease | undefined;
  #wake: (() => void) | undefined;
  #poked = false;

  constructor(options: NodeKeeperOptions) {
    this.#options = options;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#node?.metadata.labels ?? this.#ownLabels();
  }

  /** Reads the node anew: somebody may have labelled it a moment ago. */
  async refresh(): Promise<void> {
    this.#node = this.#ours(await this.#options.client.get<Stored<Node>>(nodeKind, { name: this.#options.config.nodeName }));
  }

  async start(): Promise<void> {
    this.#loops = Promise.all([this.#statusLoop(), this.#leaseLoop()]);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#wake?.();
    await this.#loops;
  }

  /** Look now: something that the status shows may have changed. */
  poke(): void {
    this.#poked = true;
    this.#wake?.();
  }

  async #statusLoop(): Promise<void> {
    const { signal } = this.#abort;
    let failures = 0;
    while (!signal.aborted) {
      let waitMs = LOOK_MS;
      this.#poked = false;
      try {
        if (!this.#node || this.#isDoubtful) this.#node = await this.#register();
        this.#isDoubtful = false;
        await this.#look();
        failures = 0;
        // A node that is not ready yet soon will be.
        if (this.#options.problems().length > 0) waitMs = RETRY_MS;
      } catch (error) {
        if (isNotFound(error)) this.#node = undefined;
        // Removed and made anew.
        if (isConflict(error)) this.#isDoubtful = true;
        this.#options.log.debug('node status was not written', { error: String(error) });
        // At the start of a cluster the API comes up in these moments.
        waitMs = Math.min(RETRY_MS, 25 * 2 ** failures++);
      }
      // What happened during the look has not been seen by it.
      if (this.#poked) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, waitMs);
      await promise;
      clearTimeout(timer);
    }
  }

  /** The Node, if it is this machine's still; else this was the last look. */
  #ours(node: Stored<Node>): Stored<Node> {
    if (!isSucceeded(node, this.#options.config)) return node;
    this.#abort.abort();
    this.#wake?.();
    this.#options.succeeded();
    throw new Error('another machine is this node now');
  }

  #ownAnnotations(): Record<string, string> {
    const { nodeSince } = this.#options.config;
    return { [VERSION_ANNOTATION]: PRODUCT_VERSION, ...(nodeSince ? { [SINCE_ANNOTATION]: nodeSince } : {}) };
  }

  #ownLabels(): Record<string, string> {
    const { config, machine } = this.#options;
    return {
      'beta.kubernetes.io/arch': machine.architecture,
      'beta.kubernetes.io/os': 'linux',
      'kubernetes.io/arch': machine.architecture,
      'kubernetes.io/hostname': config.nodeName,
      'kubernetes.io/os': 'linux',
      ...config.labels,
    };
  }

  async #register(): Promise<Stored<Node>> {
    const { client, config, log } = this.#options;
    const { nodeName: name } = config;
    const fresh: Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: this.#ownLabels(), annotations: this.#ownAnnotations() },
      spec: config.taints.length > 0 ? { taints: config.taints.map(parseTaint) } : {},
      status: await this.#status([]),
    };
    try {
      const created = await client.create<Node>(nodeKind, fresh);
      log.info('node registered', { node: name });
      return created as Stored<Node>;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const existing = this.#ours(await client.get<Stored<Node>>(nodeKind, { name }));
    const [labels, annotations] = [this.#ownLabels(), this.#ownAnnotations()];
    if (hasAll(existing.metadata.annotations, annotations) && hasAll(existing.metadata.labels, labels)) return existing;
    return client.patch<Stored<Node>>(
      nodeKind,
      { name },
      { metadata: { labels, annotations } },
      { type: 'application/strategic-merge-patch+json' },
    );
  }

  async #look(): Promise<void> {
    const { client, config, now } = this.#options;
    const status = await this.#status(this.#written?.conditions ?? this.#node?.status?.conditions ?? []);
    const isDue = now() - this.#writtenAt >= HEARTBEAT_MS || now() < this.#doubtUntil;
    if (!isDue && this.#written && isDeepStrictEqual(withoutHeartbeats(status), withoutHeartbeats(this.#written))) return;
    // Of this very Node: one that was made anew may be another machine's.
    const uid = this.#node?.metadata.uid;
    this.#node = this.#ours(
      await client.patch<Stored<Node>>(
        nodeKind,
        { name: config.nodeName, subresource: 'status' },
        { metadata: { uid }, status },
        { type: 'application/strategic-merge-patch+json' },
      ),
    );
    this.#written = status;
    this.#writtenAt = now();
    this.#firstStatus.resolve();
  }

  async #status(old: NonNullable<NodeStatus['conditions']>): Promise<NodeStatus> {
    const { cri, config, machine, now, problems } = this.#options;
    const [pressure, version, images] = await Promise.all([
      readPressure(config.rootDir),
      cri.version().catch(() => undefined),
      cri.listImages().catch(() => ({ images: [] })),
    ]);
    return nodeStatus({
      config,
      machine,
      pressure,
      problems: problems(),
      runtimeVersion: version
        ? `${version.runtimeName}://${version.runtimeVersion}`
        : (this.#written?.nodeInfo?.containerRuntimeVersion ?? 'unknown://'),
      images: images.images.map(({ repoDigests, repoTags, size }) => ({
        names: [...repoDigests, ...repoTags].slice(0, 5),
        sizeBytes: size,
      })),
      old,
      now: `${new Date(now()).toISOString().slice(0, 19)}Z`,
    });
  }

  async #leaseLoop(): Promise<void> {
    const { signal } = this.#abort;
    const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    const patience = this.#firstStatus.promise.then(() => sleep(PODS_PATIENCE_MS, undefined, { signal }).catch(() => {}));
    await Promise.race([this.#options.podsTold, patience, stopped]);
    while (!signal.aborted) {
      // A node that is about to be registered has nothing to own its lease yet.
      if (this.#node)
        await this.#renew().then(
          () => this.#renewed(),
          (error: unknown) => {
            if (isConflict(error) || isNotFound(error)) this.#lease = undefined;
            if (isConflict(error)) this.#doubt();
            this.#options.log.debug('lease was not renewed', { error: String(error) });
          },
        );
      await sleep(this.#node ? RENEW_MS : 100, undefined, { signal }).catch(() => {});
    }
  }

  #renewed(): void {
    const at = this.#options.now();
    const wasSilent = this.#renewedAt > 0 && at - this.#renewedAt > SILENCE_MS;
    this.#renewedAt = at;
    if (!wasSilent) return;
    this.#doubtUntil = at + DOUBT_MS;
    this.poke();
  }

  /** Somebody else writes to the lease: a machine that was this node, or that is it now. Which, the Node says; its status is written again. */
  #doubt(): void {
    this.#isDoubtful = true;
    this.#doubtUntil = this.#options.now() + DOUBT_MS;
    this.poke();
  }

  async #renew(): Promise<void> {
    const { client, config, now } = this.#options;
    const name = config.nodeName;
    const renewTime = new Date(now()).toISOString().replace('Z', '000Z');
    const uid = this.#node?.metadata.uid ?? '';
    this.#lease ??= await client.get<Lease>(leaseKind, { namespace: LEASE_NAMESPACE, name }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
    // An agent that has just started knows by the lease how long nothing was heard of its node.
    this.#renewedAt ||= Date.parse(this.#lease?.spec?.renewTime ?? '') || 0;
    if (this.#lease) {
      const spec = { ...this.#lease.spec, holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime };
      this.#lease = await client.update<Lease>(leaseKind, { ...this.#lease, apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec });
      return;
    }
    const fresh: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: LEASE_NAMESPACE, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
      spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime },
    };
    this.#lease = await client.create<Lease>(leaseKind, fresh);
  }
}

const hasAll = (there: Record<string, string> | undefined, wanted: Record<string, string>): boolean =>
  Object.entries(wanted).every(([key, value]) => there?.[key] === value);

const withoutHeartbeats = (status: NodeStatus): NodeStatus => ({
  ...status,
  conditions: (status.conditions ?? []).map(({ lastHeartbeatTime: _, ...rest }) => rest),
});
