import { Heap } from './heap.ts';
import type { PodInfo } from './model/pod-info.ts';
import type { ClusterEvent, SchedulerPlugin } from './plugin.ts';

/** A pod that waits for a node, and how it has fared. */
export interface QueuedPod {
  info: PodInfo;
  /** Milliseconds; decides among equal priorities. */
  queuedAt: number;
  attempts: number;
  /** Plugins that refused it last; empty: any event may help. */
  refusedBy: ReadonlySet<string>;
  place: 'active' | 'back-off' | 'unschedulable' | 'gated' | 'in-flight' | 'gone';
  /** End of its back-off, or since when it is unschedulable. */
  since: number;
  /** An event that may help came while it was being tried. */
  missedEvent: boolean;
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 10_000;
/** Nobody's hint is perfect: after so long a pod is tried again in any case. */
const UNSCHEDULABLE_RETRY_MS = 300_000;

/**
 *   add --> active --pop--> in-flight --done--> gone
 *             ^                |  no node fits
 *             |                v
 *   back-off  <--event-- unschedulable
 *   gated: waits for its scheduling gates to be removed
 *
 * Higher priority comes first, then who waits longer.
 */
export class SchedulingQueue {
  readonly #now: () => number;
  readonly #plugins: ReadonlyMap<string, SchedulerPlugin>;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #active = new Heap<QueuedPod>((a, b) =>
    a.info.priority === b.info.priority ? a.queuedAt < b.queuedAt : a.info.priority > b.info.priority,
  );
  readonly #backOff = new Heap<{ entry: QueuedPod; until: number }>((a, b) => a.until < b.until);
  readonly #unschedulable = new Set<QueuedPod>();
  readonly #inFlight = new Set<QueuedPod>();

  constructor(options: { now: () => number; plugins: readonly SchedulerPlugin[] }) {
    this.#now = options.now;
    this.#plugins = new Map(options.plugins.map((plugin) => [plugin.name, plugin]));
  }

  get counts(): { active: number; backOff: number; unschedulable: number } {
    let active = 0;
    let backOff = 0;
    for (const entry of this.#pods.values()) {
      if (entry.place === 'active') active += 1;
      else if (entry.place === 'back-off') backOff += 1;
    }
    return { active, backOff, unschedulable: this.#unschedulable.size };
  }

  /** A new pod, or news of one that waits. */
  set(info: PodInfo): void {
    const gated = (info.spec.schedulingGates?.length ?? 0) > 0;
    const known = this.#pods.get(info.uid);
    if (!known) {
      const entry: QueuedPod = {
        info,
        queuedAt: this.#now(),
        attempts: 0,
        refusedBy: new Set(),
        place: gated ? 'gated' : 'active',
        since: 0,
        missedEvent: false,
      };
      this.#pods.set(info.uid, entry);
      if (!gated) this.#active.push(entry);
      return;
    }
    const changed = isWorthATry(known.info, info);
    known.info = info;
    if (known.place === 'gated' && !gated) this.#activate(known);
    else if (changed && known.place === 'unschedulable') this.#release(known);
    else if (changed && known.place === 'in-flight') known.missedEvent = true;
  }

  delete(uid: string): void {
    const known = this.#pods.get(uid);
    if (!known) return;
    // Heaps drop it when it comes up.
    known.place = 'gone';
    this.#pods.delete(uid);
    this.#unschedulable.delete(known);
    this.#inFlight.delete(known);
  }

  get(uid: string): QueuedPod | undefined {
    return this.#pods.get(uid);
  }

  pop(): QueuedPod | undefined {
    for (let entry = this.#active.pop(); entry; entry = this.#active.pop()) {
      if (entry.place !== 'active') continue;
      entry.place = 'in-flight';
      entry.attempts += 1;
      entry.missedEvent = false;
      this.#inFlight.add(entry);
      return entry;
    }
    return undefined;
  }

  /** It found no node. */
  park(entry: QueuedPod, refusedBy: ReadonlySet<string>): void {
    if (entry.place === 'gone') return;
    this.#inFlight.delete(entry);
    entry.refusedBy = refusedBy;
    entry.since = this.#now();
    if (entry.missedEvent) {
      this.#intoBackOff(entry);
      return;
    }
    entry.place = 'unschedulable';
    this.#unschedulable.add(entry);
  }

  /** Something else went wrong (its binding): tried again after its back-off. */
  retry(entry: QueuedPod): void {
    if (entry.place === 'gone') return;
    this.#inFlight.delete(entry);
    entry.since = this.#now();
    this.#intoBackOff(entry);
  }

  done(entry: QueuedPod): void {
    entry.place = 'gone';
    this.#inFlight.delete(entry);
    if (this.#pods.get(entry.info.uid) === entry) this.#pods.delete(entry.info.uid);
  }

  /** Releases the pods that the event may help. Returns how many. */
  onEvent(event: ClusterEvent): number {
    let released = 0;
    for (const entry of this.#unschedulable) {
      if (!this.#mayHelp(event, entry)) continue;
      this.#release(entry);
      released += 1;
    }
    for (const entry of this.#inFlight) entry.missedEvent = true;
    return released;
  }

  /** Moves what is due into the active queue; returns after how many milliseconds the next is due, undefined for nothing. */
  advance(): number | undefined {
    const now = this.#now();
    for (let next = this.#backOff.peek(); next; next = this.#backOff.peek()) {
      if (next.entry.place === 'back-off' && next.entry.since === next.until && next.until > now) break;
      this.#backOff.pop();
      if (next.entry.place === 'back-off' && next.entry.since === next.until) this.#activate(next.entry);
    }
    for (const entry of this.#unschedulable) {
      // Oldest first: the rest is younger.
      if (entry.since + UNSCHEDULABLE_RETRY_MS > now) break;
      this.#unschedulable.delete(entry);
      this.#activate(entry);
    }
    const oldest = this.#unschedulable.values().next().value;
    const due = [this.#backOff.peek()?.until, oldest && oldest.since + UNSCHEDULABLE_RETRY_MS].filter((time) => time !== undefined);
    return due.length > 0 ? Math.max(0, Math.min(...due) - now) : undefined;
  }

  #mayHelp(event: ClusterEvent, entry: QueuedPod): boolean {
    if (entry.refusedBy.size === 0) return true;
    for (const name of entry.refusedBy) if (this.#plugins.get(name)?.mayHelp(event, entry.info) ?? true) return true;
    return false;
  }

  #release(entry: QueuedPod): void {
    this.#unschedulable.delete(entry);
    this.#intoBackOff(entry);
  }

  #intoBackOff(entry: QueuedPod): void {
    const backOffMs = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(entry.attempts - 1, 10), LONGEST_BACKOFF_MS);
    const until = entry.since + backOffMs;
    if (until <= this.#now()) {
      this.#activate(entry);
      return;
    }
    entry.place = 'back-off';
    entry.since = until;
    this.#backOff.push({ entry, until });
  }

  #activate(entry: QueuedPod): void {
    entry.place = 'active';
    this.#active.push(entry);
  }
}

/** Most updates are of the status, which changes nothing. */
const isWorthATry = (before: PodInfo, after: PodInfo): boolean =>
  before.pod.metadata.generation !== after.pod.metadata.generation ||
  JSON.stringify(before.labels) !== JSON.stringify(after.labels) ||
  JSON.stringify(before.spec) !== JSON.stringify(after.spec);
