import { event as eventKind } from '../../api/core/event.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { Event, ObjectReference, Pod } from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../../client/client.ts';
import { isoSeconds } from './pod-status.ts';

export interface EventRecorder {
  /** `fieldPath` names the container: `spec.containers{web}`. Never blocks and never fails; repeats raise a count. */
  record(pod: Stored<Pod>, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
  recordAbout(about: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** Events that may wait to be written, and those whose count can still be raised. */
const MAX_QUEUE = 500;
const MAX_KNOWN = 1000;
/** An event of the same words is written again at most this often. */
const REPEAT_MS = 10_000;

export const createEventRecorder = (options: { client: Client; nodeName: string; log: Logger; now: () => number }): EventRecorder => {
  const { client, nodeName, log, now } = options;
  const known = new Map<string, { name: string; count: number; first: string; writtenAt: number }>();
  const queue: (() => Promise<void>)[] = [];
  let isWorking = false;

  const work = async (): Promise<void> => {
    if (isWorking) return;
    isWorking = true;
    for (let next = queue.shift(); next; next = queue.shift())
      // Events are best effort: the API may be away, or the namespace may be going.
      await next().catch((error: unknown) => log.debug('event was not written', { error: String(error) }));
    isWorking = false;
  };

  const recordAbout: EventRecorder['recordAbout'] = (about, type, reason, message) => {
    if (queue.length >= MAX_QUEUE) return;
    const at = isoSeconds(now());
    const key = [about.uid, about.fieldPath, type, reason, message].join('\n');
    const entry = known.get(key);
    if (entry) {
      entry.count++;
      if (now() - entry.writtenAt < REPEAT_MS) return;
      entry.writtenAt = now();
    }
    const namespace = about.namespace || 'default';
    const name = entry?.name ?? `${about.name}.${(now() * 1_000_000 + Math.floor(Math.random() * 1_000_000)).toString(16)}`;
    if (!entry) {
      if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value ?? '');
      known.set(key, { name, count: 1, first: at, writtenAt: now() });
    }
    const create = (): Promise<unknown> => {
      const object: Event = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace },
        involvedObject: about,
        reason,
        message: message.slice(0, 1024),
        source: { component: 'kubelet', host: nodeName },
        reportingComponent: 'kubelet',
        reportingInstance: nodeName,
        firstTimestamp: entry?.first ?? at,
        lastTimestamp: at,
        count: entry?.count ?? 1,
        type,
      };
      return client.create(eventKind, object, { namespace });
    };
    queue.push(async () => {
      if (!entry) {
        await create();
        return;
      }
      const patch = { count: entry.count, lastTimestamp: at };
      await client
        .patch(eventKind, { namespace, name: entry.name }, patch, { type: 'application/strategic-merge-patch+json' })
        .catch((error) => {
          if (!isNotFound(error)) throw error;
          return create();
        });
    });
    void work();
  };

  return {
    recordAbout,
    record: (pod, type, reason, message, fieldPath) => {
      const { name = '', namespace = '', uid = '', resourceVersion } = pod.metadata;
      const about: ObjectReference = { kind: 'Pod', apiVersion: 'v1', name, namespace, uid };
      if (resourceVersion) about.resourceVersion = resourceVersion;
      if (fieldPath) about.fieldPath = fieldPath;
      recordAbout(about, type, reason, message);
    },
  };
};
