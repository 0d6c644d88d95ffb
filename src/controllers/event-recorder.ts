import { event as events } from '../api/core/event.ts';
import { apiVersionOf, type KubeObject, type Stored } from '../api/meta/object.ts';
import type { Event } from '../api/types/core-v1.ts';
import type { Logger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';

/** Tells people what happened to an object. Never fails and never waits: an event is worth less than the work it tells of. */
export interface EventRecorder {
  record(about: Regarding, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** Objects of lists carry no kind, so it is said apart. */
export interface Regarding {
  kind: { group: string; version: string; kind: string };
  object: Stored<object>;
}

export interface EventRecorderOptions {
  client: Client;
  /** `deployment-controller`. */
  component: string;
  log: Logger;
  now: () => number;
}

/**
 * Core events, as kubectl describe shows them. The same thing said again within ten minutes raises the count of the first
 * event. At most 1,000 wait to be written; beyond that they are dropped and counted in the log.
 */
export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => {
  const { client, component, log, now } = options;
  const known = new Map<string, { event: Stored<Event>; at: number }>();
  const waiting: (() => Promise<void>)[] = [];
  let writing = false;
  let sequence = 0;

  const drain = async (): Promise<void> => {
    writing = true;
    for (let write = waiting.shift(); write; write = waiting.shift())
      // Namespaces that are going take no events, and that is right.
      await write().catch((error: unknown) => log.debug('event not written', { error }));
    writing = false;
  };

  const write = async (id: string, fresh: Stored<Event>): Promise<void> => {
    const before = known.get(id);
    if (before && now() - before.at < REPEAT_WINDOW_MS) {
      const { namespace, name = '' } = before.event.metadata;
      const count = (before.event.count ?? 1) + 1;
      const patch = { count, lastTimestamp: fresh.lastTimestamp };
      const event = await client.patch<Stored<Event>>(events, { namespace, name }, patch, { type: 'application/merge-patch+json' });
      known.set(id, { event, at: now() });
      return;
    }
    known.delete(id);
    known.set(id, { event: await client.create(events, fresh), at: now() });
    for (const oldest of known.keys()) {
      if (known.size <= MAX_KNOWN) break;
      known.delete(oldest);
    }
  };

  return {
    record(about, type, reason, message) {
      const { metadata } = about.object;
      const id = [about.kind.kind, metadata.uid, type, reason, message].join('\u0000');
      const time = new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');
      sequence += 1;
      const namespace = metadata.namespace ?? 'default';
      const fresh: Stored<Event> = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `${metadata.name}.${(now() * 4096 + (sequence % 4096)).toString(16)}`, namespace },
        involvedObject: {
          apiVersion: apiVersionOf(about.kind),
          kind: about.kind.kind,
          ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
          name: metadata.name ?? '',
          uid: metadata.uid ?? '',
          resourceVersion: metadata.resourceVersion ?? '',
        },
        type,
        reason,
        message: message.slice(0, 1024),
        source: { component },
        reportingComponent: component,
        reportingInstance: '',
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      };
      if (waiting.length >= MAX_WAITING) {
        log.warn('too many events wait, one is dropped', { reason });
        return;
      }
      waiting.push(() => write(id, fresh));
      if (!writing) void drain();
    },
  };
};

const REPEAT_WINDOW_MS = 600_000;
const MAX_KNOWN = 4096;
const MAX_WAITING = 1000;

/** For objects whose kind is known at the place that records. */
export const regarding = (kind: { group: string; version: string; kind: string }, object: Stored<object> | KubeObject): Regarding => ({
  kind,
  object: object as Stored<object>,
});
