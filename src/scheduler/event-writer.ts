import { event as events } from '../api/core/event.ts';
import type { Stored } from '../api/meta/object.ts';
import type { Event } from '../api/types/core-v1.ts';
import type { Logger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';
import { BoundedPool } from './bounded-pool.ts';
import type { PodInfo } from './model/pod-info.ts';

const COMPONENT = 'default-scheduler';
const REPEAT_WINDOW_MS = 600_000;
const MAX_KNOWN = 4_096;

/**
 * Writes what became of pods as core Events, beside the work and never in its way: at most 5,000 wait, more are dropped. The same
 * thing said again raises the count of the first.
 */
export class EventWriter {
  readonly #options: { client: Client; log: Logger; now: () => number };
  readonly #pool = new BoundedPool({ parallel: 8, waiting: 5_000 });
  readonly #known = new Map<string, { name: string; count: number; at: number }>();
  #sequence = 0;

  constructor(options: { client: Client; log: Logger; now: () => number }) {
    this.#options = options;
  }

  write(pod: PodInfo, type: 'Normal' | 'Warning', reason: string, action: string, message: string): void {
    const send = (): Promise<void> =>
      this.#send(pod, { type, reason, action, message: message.slice(0, 1_024) }).catch((error: unknown) =>
        // A namespace that is going takes no events, and the pod matters more than the news of it.
        this.#options.log.debug('event not written', { error }),
      );
    if (!this.#pool.add(send)) this.#options.log.debug('too many events wait, one is dropped', { pod: pod.key, reason });
  }

  stop(): void {
    this.#pool.stop();
  }

  async #send(pod: PodInfo, what: { type: string; reason: string; action: string; message: string }): Promise<void> {
    const { client, now } = this.#options;
    const id = `${pod.uid} ${what.reason} ${what.message}`;
    const time = new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const known = what.type === 'Warning' ? this.#known.get(id) : undefined;
    if (known && now() - known.at < REPEAT_WINDOW_MS) {
      known.count += 1;
      known.at = now();
      const patch = { count: known.count, lastTimestamp: time };
      await client.patch(events, { namespace: pod.namespace, name: known.name }, patch, { type: 'application/merge-patch+json' });
      return;
    }
    this.#sequence += 1;
    const name = `${pod.pod.metadata.name}.${(now() * 4_096 + (this.#sequence % 4_096)).toString(16)}`;
    const { namespace } = pod;
    const event: Stored<Event> = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace,
        name: pod.pod.metadata.name ?? '',
        uid: pod.uid,
        resourceVersion: pod.pod.metadata.resourceVersion ?? '',
      },
      ...what,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      reportingInstance: COMPONENT,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
    await client.create(events, event);
    if (what.type !== 'Warning') return;
    this.#known.set(id, { name, count: 1, at: now() });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(oldest);
    }
  }
}
