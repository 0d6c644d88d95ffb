import { namespace as namespaces } from '../api/core/namespace.ts';
import { node as nodes } from '../api/core/node.ts';
import { pod as pods } from '../api/core/pod.ts';
import type { Stored } from '../api/meta/object.ts';
import { isNotFound } from '../api/meta/status.ts';
import { podDisruptionBudget } from '../api/policy/pod-disruption-budget.ts';
import type { Namespace, Node, Pod } from '../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../api/types/policy-v1.ts';
import type { Logger } from '../base/log/logger.ts';
import type { InformerReads } from '../client/informer/informer.ts';
import { createInformerFactory, type InformerFactory } from '../client/informer/informer-factory.ts';
import { EventWriter } from './event-writer.ts';
import { explainUnfit, type Unfit } from './fit-error.ts';
import { LiveWorld } from './live-world.ts';
import { ClusterState } from './model/cluster-state.ts';
import type { NodeInfo } from './model/node-info.ts';
import { isTerminal, type PodInfo, podInfoOf } from './model/pod-info.ts';
import type { ClusterEvent, SchedulerPlugin } from './plugin.ts';
import { PLUGINS } from './plugins/index.ts';
import { PodWriter } from './pod-writer.ts';
import { findPreemption } from './preemption.ts';
import type { SchedulerCounters, SchedulerOptions } from './scheduler.ts';
import { SchedulingCycle } from './scheduling-cycle.ts';
import { type QueuedPod, SchedulingQueue } from './scheduling-queue.ts';
import { VolumeBinder } from './volume-binder.ts';

/** Bindings under way at one time: enough to fill the server's group commits, few enough to keep order. */
const MAX_BINDING = 256;
/** Scheduling lets others run after so long. */
const SLICE_MS = 5;

/** A scheduler that leads: from its first list to its end. */
export class RunningScheduler {
  readonly #options: SchedulerOptions;
  readonly #log: Logger;
  readonly #random: () => number;
  readonly #plugins: readonly SchedulerPlugin[];
  readonly #state = new ClusterState();
  readonly #queue: SchedulingQueue;
  readonly #cycle: SchedulingCycle;
  readonly #world: LiveWorld;
  readonly #volumes: VolumeBinder;
  readonly #events: EventWriter;
  readonly #writer: PodWriter;
  readonly #informers: InformerFactory;
  readonly #budgets: InformerReads<PodDisruptionBudget>;
  readonly #abort = new AbortController();
  readonly #removeHandlers: (() => void)[] = [];
  readonly #counters = { scheduled: 0, unschedulable: 0, errors: 0, preempted: 0 };
  #binding = 0;
  #ready = false;
  #planned = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SchedulerOptions) {
    const { client, log, now = Date.now, random = Math.random, plugins = PLUGINS } = options;
    this.#options = options;
    this.#log = log;
    this.#random = random;
    this.#plugins = plugins;
    this.#informers = options.informers ?? createInformerFactory({ client, log, random });
    this.#queue = new SchedulingQueue({ now, plugins });
    this.#world = new LiveWorld(this.#state, this.#informers, () => this.#tell({ kind: 'storage-changed' }));
    this.#cycle = new SchedulingCycle({ world: this.#world, plugins, random });
    this.#volumes = new VolumeBinder({ client, world: this.#world });
    this.#events = new EventWriter({ client, log, now });
    this.#writer = new PodWriter({ client, log, now });
    this.#budgets = this.#informers.of<PodDisruptionBudget>(podDisruptionBudget);
  }

  start(): void {
    this.#removeHandlers.push(
      this.#informers.of<Node>(nodes).addHandler({
        add: (object) => this.#onNode(object, undefined),
        update: (object, old) => this.#onNode(object, old),
        delete: (object) => this.#state.removeNode(object.metadata.name ?? ''),
      }),
      this.#informers.of<Namespace>(namespaces).addHandler({
        add: (object) => this.#state.setNamespace(object.metadata.name ?? '', object.metadata.labels ?? {}),
        update: (object) => {
          this.#state.setNamespace(object.metadata.name ?? '', object.metadata.labels ?? {});
          this.#tell({ kind: 'namespace-changed' });
        },
        delete: (object) => this.#state.setNamespace(object.metadata.name ?? '', undefined),
      }),
      this.#informers.of<Pod>(pods).addHandler({
        add: (object) => this.#onPod(object, undefined),
        update: (object, old) => this.#onPod(object, old),
        delete: (object) => this.#onPodGone(object),
      }),
    );
    if (!this.#options.informers) this.#informers.start();
    this.#informers
      .synced()
      .then(() => {
        this.#ready = true;
        this.#plan();
      })
      .catch((error: unknown) => this.#log.error('the scheduler could not begin', { error }));
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    for (const remove of this.#removeHandlers.splice(0)) remove();
    this.#world.close();
    this.#events.stop();
    this.#writer.stop();
    if (!this.#options.informers) await this.#informers.stop();
  }

  counters(): SchedulerCounters {
    return { ...this.#counters, waiting: this.#queue.counts };
  }

  #onNode(object: Stored<Node>, old: Stored<Node> | undefined): void {
    const what = old ? whatChanged(object, old) : undefined;
    // Heartbeats: nothing that scheduling looks at.
    if (old && what === undefined) return;
    this.#state.setNode(object);
    const info = this.#state.node(object.metadata.name ?? '');
    if (info) this.#tell(what ? { kind: 'node-changed', node: info, what } : { kind: 'node-added', node: info });
  }

  #onPod(object: Stored<Pod>, old: Stored<Pod> | undefined): void {
    const uid = object.metadata.uid ?? '';
    if (isTerminal(object)) {
      if (!old || !isTerminal(old) || this.#state.isPlaced(uid)) this.#onPodGone(object);
      return;
    }
    const nodeName = object.spec?.nodeName;
    if (!nodeName) {
      if (
        object.metadata.deletionTimestamp ||
        (object.spec?.schedulerName ?? 'default-scheduler') !== (this.#options.schedulerName ?? 'default-scheduler')
      ) {
        this.#queue.delete(uid);
        return;
      }
      if (this.#state.isAssumed(uid)) return;
      const info = podInfoOf(object);
      this.#queue.set(info);
      if (info.pod.status?.nominatedNodeName) this.#state.nominate(info, info.pod.status.nominatedNodeName);
      this.#plan();
      return;
    }
    const waited = this.#queue.get(uid);
    const confirmed = this.#state.isPlaced(uid) && !this.#state.isAssumed(uid);
    if (confirmed && old && !changesPlacing(object, old)) return;
    const info = podInfoOf(object);
    this.#state.place(info, nodeName);
    if (waited) {
      this.#queue.done(waited);
      this.#state.nominate(info, undefined);
    }
    this.#tell({ kind: 'pod-placed', pod: info });
  }

  #onPodGone(object: Stored<Pod>): void {
    const uid = object.metadata.uid ?? '';
    const info = podInfoOf(object);
    this.#queue.delete(uid);
    this.#state.nominate(info, undefined);
    if (this.#state.remove(uid) !== undefined) this.#tell({ kind: 'pod-gone', pod: info });
  }

  #tell(event: ClusterEvent): void {
    if (this.#queue.onEvent(event) > 0) this.#plan();
  }

  #plan(): void {
    if (this.#planned || !this.#ready || this.#abort.signal.aborted) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#abort.signal.aborted) return;
    clearTimeout(this.#timer);
    const due = this.#queue.advance();
    const end = performance.now() + SLICE_MS;
    while (this.#binding < MAX_BINDING) {
      const entry = this.#queue.pop();
      if (!entry) {
        if (due !== undefined) this.#timer = setTimeout(() => this.#plan(), due);
        return;
      }
      this.#schedule(entry);
      if (performance.now() > end) {
        this.#plan();
        return;
      }
    }
    // A binding that ends plans the next run.
  }

  #schedule(entry: QueuedPod): void {
    try {
      const verdict = this.#cycle.choose(entry.info);
      if (verdict.kind === 'fits') this.#place(entry, verdict.node);
      else if (verdict.kind === 'unfit') this.#refuse(entry, verdict.unfit);
      else this.#park(entry, 'no nodes available to schedule pods', new Set());
    } catch (error) {
      this.#counters.errors += 1;
      this.#log.error('a pod could not be scheduled', { pod: entry.info.key, error });
      this.#queue.retry(entry);
    }
  }

  #place(entry: QueuedPod, node: NodeInfo): void {
    const { info } = entry;
    const plans = this.#volumes.reserve(info, node);
    this.#state.assume(info, node.name);
    this.#state.nominate(info, undefined);
    this.#binding += 1;
    const prepare = plans.length > 0 ? this.#volumes.bind(plans, node, this.#abort.signal) : undefined;
    (prepare ? prepare.then(() => this.#writer.bind(info, node.name)) : this.#writer.bind(info, node.name))
      .then(() => {
        this.#counters.scheduled += 1;
        this.#queue.done(entry);
        this.#events.write(info, 'Normal', 'Scheduled', 'Binding', `Successfully assigned ${info.key} to ${node.name}`);
      })
      .catch((error: unknown) => this.#bindingFailed(entry, error))
      .finally(() => {
        this.#binding -= 1;
        this.#volumes.release(plans);
        this.#plan();
      });
  }

  #bindingFailed(entry: QueuedPod, error: unknown): void {
    const { info } = entry;
    if (this.#state.isAssumed(info.uid)) this.#state.remove(info.uid);
    if (this.#abort.signal.aborted || isNotFound(error)) {
      this.#queue.done(entry);
      return;
    }
    this.#counters.errors += 1;
    const message = error instanceof Error ? error.message : String(error);
    this.#log.warn('a pod could not be bound and is tried again', { pod: info.key, error });
    this.#events.write(info, 'Warning', 'FailedScheduling', 'Scheduling', `running Bind plugin "DefaultBinder": ${message}`);
    this.#writer.unschedulable(info, `running Bind plugin "DefaultBinder": ${message}`, { reason: 'SchedulerError' });
    this.#tell({ kind: 'pod-gone', pod: info });
    this.#queue.retry(entry);
  }

  #refuse(entry: QueuedPod, unfit: Unfit): void {
    const { info } = entry;
    const budgets = this.#budgets.list();
    const found = findPreemption(info, unfit, { world: this.#world, plugins: this.#plugins, budgets, random: this.#random });
    const reasons = explainUnfit(unfit);
    if (found.kind === 'none') {
      this.#park(entry, `${reasons} ${found.message}`, unfit.plugins);
      return;
    }
    const { node, victims } = found;
    this.#state.nominate(info, node.name);
    this.#park(entry, reasons, unfit.plugins, node.name);
    for (const victim of victims) this.#evict(victim, info, node);
  }

  #evict(victim: PodInfo, preemptor: PodInfo, node: NodeInfo): void {
    this.#counters.preempted += 1;
    const message = `Preempted by pod ${preemptor.uid} on node ${node.name}`;
    this.#events.write(victim, 'Normal', 'Preempted', 'Preempting', message);
    this.#writer
      .evict(victim, `default-scheduler: preempting to accommodate a higher priority pod`)
      .catch((error: unknown) => this.#log.warn('a pod could not be preempted', { pod: victim.key, error }));
  }

  #park(entry: QueuedPod, message: string, plugins: ReadonlySet<string>, nominatedNode?: string): void {
    const { info } = entry;
    this.#counters.unschedulable += 1;
    this.#queue.park(entry, plugins);
    this.#events.write(info, 'Warning', 'FailedScheduling', 'Scheduling', message);
    this.#writer.unschedulable(info, message, { reason: 'Unschedulable', nominatedNode });
  }
}

/** Undefined for heartbeats and whatever else no plugin looks at. */
const whatChanged = (object: Stored<Node>, old: Stored<Node>): 'allocatable' | 'labels' | 'taints' | 'other' | undefined => {
  if (differs(object.status?.allocatable, old.status?.allocatable)) return 'allocatable';
  if (differs(object.metadata.labels, old.metadata.labels)) return 'labels';
  if (differs(object.spec, old.spec)) return 'taints';
  return differs(object.status?.images, old.status?.images) ? 'other' : undefined;
};

const changesPlacing = (object: Stored<Pod>, old: Stored<Pod>): boolean =>
  object.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
  object.metadata.generation !== old.metadata.generation ||
  differs(object.metadata.labels, old.metadata.labels) ||
  differs(object.status?.startTime, old.status?.startTime);

const differs = (a: unknown, b: unknown): boolean => a !== b && JSON.stringify(a) !== JSON.stringify(b);
