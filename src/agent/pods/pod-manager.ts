import type { Stored } from '../../api/meta/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Component } from '../../base/async/component.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { admitPod } from './admission.ts';
import { isMirror, isStatic } from './labels.ts';
import { PodCheckpoints } from './pod-checkpoints.ts';
import type { PodContext } from './pod-context.ts';
import { recordedGrace, removeFromRuntime, stopContainer } from './pod-terminator.ts';
import { PodWorker } from './pod-worker.ts';
import { liveContainers } from './runtime-state.ts';
import { RuntimeWatcher } from './runtime-watcher.ts';

const CLEAN_UP_MS = 60_000;
/** How long a start waits for the API's pods before it takes up those that it knew. */
const API_PATIENCE_MS = 3000;
/** How long the first word on the pods of before may take: the node itself is alive meanwhile. */
const TOLD_PATIENCE_MS = 2000;

export interface PodManagerOptions {
  context: PodContext;
  /** Pods bound to this node. */
  pods: InformerReads<Pod>;
  runtimeSocket: string;
  maxPods: number;
  rootDir: string;
  nodeLabels(): Readonly<Record<string, string>>;
  /** Brings those labels up to date. */
  refreshNode(): Promise<void>;
}

/** Gives every pod of this node its worker, and ends what the runtime has that belongs to no pod. */
export class PodManager implements Component {
  readonly name = 'pods';
  readonly watcher: RuntimeWatcher;
  readonly #options: PodManagerOptions;
  readonly #workers = new Map<string, PodWorker>();
  readonly #orphans = new Set<string>();
  readonly #checkpoints: PodCheckpoints;
  #isKnown = false;
  readonly #told = Promise.withResolvers<void>();
  #statics = new Set<string>();
  #cleaning: NodeJS.Timeout | undefined;
  #removeHandler: (() => void) | undefined;

  constructor(options: PodManagerOptions) {
    this.#options = options;
    const { context } = options;
    this.#checkpoints = new PodCheckpoints({ rootDir: options.rootDir, log: context.log });
    this.watcher = new RuntimeWatcher({
      cri: context.cri,
      socketPath: options.runtimeSocket,
      reader: context.reader,
      log: context.log,
      changed: (uid) => this.#workers.get(uid)?.kick(),
      listed: (pods) => this.#endOrphans(pods),
    });
  }

  /** Resolves once the API has been told how the pods are that it had for this node at the start, or it cannot soon. */
  get told(): Promise<void> {
    return this.#told.promise;
  }

  async init(): Promise<void> {
    await this.#options.context.volumes.init();
    await this.#options.context.cgroups.init();
  }

  async start(): Promise<void> {
    const { pods } = this.#options;
    await this.#resume();
    this.#removeHandler = pods.addHandler({
      add: (pod) => this.#upsert(pod),
      update: (pod, old) => {
        // Deleted and made again under the same name while the watch was away.
        if (pod.metadata.uid !== old.metadata.uid) this.#remove(old);
        this.#upsert(pod);
      },
      delete: (pod) => this.#remove(pod),
    });
    void pods.synced.then(() => {
      this.#isKnown = true;
      // What was resumed and is not in the API any more was deleted meanwhile.
      for (const [uid, worker] of this.#workers)
        if (!this.#statics.has(uid) && !pods.list().some(({ metadata }) => metadata.uid === uid)) worker.remove();
      this.#checkpoints.prune(new Set(this.#workers.keys()));
      const patience = new Promise((resolve) => setTimeout(resolve, TOLD_PATIENCE_MS).unref());
      void Promise.race([patience, Promise.all([...this.#workers.values()].map((worker) => worker.told))]).then(() => this.#told.resolve());
    });
    this.watcher.start();
    this.#cleaning = setInterval(() => void this.#cleanUp(), CLEAN_UP_MS).unref();
  }

  /** An API that does not answer soon is no reason to leave its pods alone. */
  async #resume(): Promise<void> {
    const { pods } = this.#options;
    const deadline = new Promise((resolve) => setTimeout(resolve, API_PATIENCE_MS).unref());
    await Promise.race([pods.synced, deadline]);
    if (pods.hasSynced) return;
    for (const pod of await this.#checkpoints.load()) this.#upsert(pod);
  }

  /** Pods run on. */
  async stop(): Promise<void> {
    clearInterval(this.#cleaning);
    this.#removeHandler?.();
    await this.watcher.stop();
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
    await this.#checkpoints.flushed();
    await this.#options.context.volumes.stop();
  }

  /** The pods of the manifest folder; those of before that are not among them are ended. */
  setStatic(pods: readonly Stored<Pod>[]): void {
    const wanted = new Set(pods.map(({ metadata }) => metadata.uid ?? ''));
    for (const uid of this.#statics) if (!wanted.has(uid)) this.#workers.get(uid)?.remove();
    this.#statics = wanted;
    for (const pod of pods) this.#upsert(pod);
  }

  workers(): IterableIterator<PodWorker> {
    return this.#workers.values();
  }

  find(namespace: string, name: string): PodWorker | undefined {
    let found: PodWorker | undefined;
    for (const worker of this.#workers.values()) {
      const { metadata } = worker.pod;
      // A new pod may have the name of one that is still going.
      if (metadata.namespace === namespace && metadata.name === name && (!found || worker.isActive)) found = worker;
    }
    return found;
  }

  kick(uid: string): void {
    this.#workers.get(uid)?.kick();
  }

  refreshVolumes(uid: string): void {
    this.#workers.get(uid)?.refreshVolumes();
  }

  #upsert(pod: Stored<Pod>): void {
    if (isMirror(pod)) {
      const own = pod.metadata.annotations?.['kubernetes.io/config.mirror'] ?? '';
      this.#workers.get(own)?.kick();
      return;
    }
    const uid = pod.metadata.uid ?? '';
    const known = this.#workers.get(uid);
    if (!isStatic(pod)) this.#checkpoints.save(pod);
    if (known) {
      known.update(pod);
      return;
    }
    const worker = new PodWorker({ context: this.#options.context, pod, onGone: () => this.#forget(uid) });
    const refusal = this.#admit(pod);
    this.#workers.set(uid, worker);
    if (refusal?.reason !== 'NodeAffinity') {
      this.#begin(worker, refusal);
      return;
    }
    // The scheduler may know newer labels of this node than the agent.
    void this.#options
      .refreshNode()
      .catch((error: unknown) => this.#options.context.log.debug('the node was not read anew', { error: String(error) }))
      .then(() => this.#begin(worker, this.#admit(pod)));
  }

  #begin(worker: PodWorker, refusal: { reason: string; message: string } | undefined): void {
    if (!refusal) {
      worker.kick();
      return;
    }
    this.#options.context.events.record(worker.pod, 'Warning', refusal.reason, refusal.message);
    worker.fail(refusal.reason, refusal.message);
  }

  #forget(uid: string): void {
    this.#workers.delete(uid);
    this.#checkpoints.remove(uid);
  }

  #remove(pod: Stored<Pod>): void {
    if (!isMirror(pod)) this.#workers.get(pod.metadata.uid ?? '')?.remove();
  }

  #admit(pod: Stored<Pod>): { reason: string; message: string } | undefined {
    const { phase, startTime } = pod.status ?? {};
    // What has been running here was let in before.
    if (startTime || phase === 'Succeeded' || phase === 'Failed' || pod.metadata.deletionTimestamp) return undefined;
    const others = [...this.#workers.values()].filter(
      (worker) =>
        worker.pod.metadata.uid !== pod.metadata.uid &&
        worker.isActive &&
        worker.status.phase !== 'Failed' &&
        worker.status.phase !== 'Succeeded',
    );
    return admitPod(pod, {
      others: others.map((worker) => worker.pod),
      allocatable: this.#options.context.node.allocatable,
      maxPods: this.#options.maxPods,
      nodeLabels: this.#options.nodeLabels(),
      nodeName: this.#options.context.node.nodeName,
    });
  }

  /** Only once the API's pods are known: before that everything would look like an orphan. */
  #endOrphans(pods: ReadonlyMap<string, { name: string; namespace: string }>): void {
    if (!this.#isKnown) return;
    for (const [uid, { name, namespace }] of pods) {
      if (uid === '' || this.#workers.has(uid) || this.#orphans.has(uid)) continue;
      this.#orphans.add(uid);
      void this.#endOrphan({ uid, name, namespace }).finally(() => this.#orphans.delete(uid));
    }
  }

  async #endOrphan(pod: { uid: string; name: string; namespace: string }): Promise<void> {
    const { context } = this.#options;
    context.log.info('ending a pod that is not in the API', { ...pod });
    try {
      const state = await context.reader.readPod(pod);
      await Promise.all(liveContainers(state).map((container) => stopContainer(context, container.id, recordedGrace(container))));
      if (this.#workers.has(pod.uid)) return;
      await removeFromRuntime(context, state);
      await context.volumes.unmount(pod.uid);
      await context.cgroups.removePod(pod.uid);
    } catch (error) {
      context.log.warn('a pod that is not in the API was not ended', { ...pod, error });
    }
  }

  async #cleanUp(): Promise<void> {
    if (!this.#isKnown) return;
    const { context } = this.#options;
    const known = new Set([...this.#workers.keys(), ...this.#orphans]);
    try {
      await context.volumes.cleanOrphans(known);
      await context.cgroups.cleanOrphans(known);
    } catch (error) {
      context.log.warn('clean-up failed', { error });
    }
  }
}
