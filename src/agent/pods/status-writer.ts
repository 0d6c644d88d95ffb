import { isDeepStrictEqual } from 'node:util';
import { pod as podKind } from '../../api/core/pod.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isConflict, isNotFound } from '../../api/meta/status.ts';
import type { Pod, PodCondition, PodStatus } from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../../client/client.ts';
import { OWN_CONDITIONS } from './pod-conditions.ts';

const RETRY_MS = [200, 500, 1000, 2000, 5000];

/**
 * Writes the status of one pod. The newest one waits while a write is under way, those between are never written.
 * `flushed` resolves when the API has what was set last, or has no such pod any more.
 */
export class StatusWriter {
  readonly #client: Client;
  readonly #log: Logger;
  /** What the API has, as far as is known. */
  #written: PodStatus;
  /** resourceVersion of the pod as it was after the last write. */
  #version = 0;
  #wanted: PodStatus | undefined;
  readonly #target: () => Stored<Pod> | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;
  #failures = 0;

  /** `target` is the pod in the API: for a static pod its mirror, undefined while there is none. */
  constructor(options: { client: Client; log: Logger; written: PodStatus; target: () => Stored<Pod> | undefined }) {
    this.#client = options.client;
    this.#log = options.log;
    this.#target = options.target;
    this.#written = options.written;
  }

  /**
   * Told what the API has, which may be older than what was written: a Ready that somebody else has set to False since, because the
   * node was silent, is taken over, so that the next `set` puts it right.
   */
  observe(pod: Stored<Pod>): void {
    if (this.#wanted || Number(pod.metadata.resourceVersion) <= this.#version) return;
    const seen = pod.status?.conditions?.find(({ type }) => type === 'Ready');
    const { conditions = [] } = this.#written;
    if (!seen || !conditions.some(({ type, status }) => type === 'Ready' && status !== seen.status)) return;
    this.#written = { ...this.#written, conditions: conditions.map((own) => (own.type === 'Ready' ? seen : own)) };
  }

  /** The status as it was set last. */
  get current(): PodStatus {
    return this.#wanted ?? this.#written;
  }

  set(status: PodStatus): void {
    if (this.#closed || (!this.#wanted && isDeepStrictEqual(status, this.#written))) return;
    this.#wanted = status;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async flushed(): Promise<void> {
    await this.#writing;
  }

  close(): void {
    this.#closed = true;
  }

  async #write(): Promise<void> {
    while (this.#wanted && !this.#closed) {
      const status = this.#wanted;
      const target = this.#target();
      // Kept until there is somebody to write to: the next sync tries again.
      if (!target) return;
      const { namespace, name = '', uid } = target.metadata;
      const patch = statusPatch(this.#written, status);
      try {
        if (patch) {
          const answer = await this.#client.patch<Stored<Pod>>(
            podKind,
            { namespace, name, subresource: 'status' },
            { metadata: { uid }, status: patch },
            { type: 'application/strategic-merge-patch+json' },
          );
          this.#version = Number(answer.metadata.resourceVersion);
        }
        this.#written = status;
        this.#failures = 0;
        if (this.#wanted === status) this.#wanted = undefined;
      } catch (error) {
        // Gone, or another pod of the same name: there is nothing left to write to.
        if (isNotFound(error) || isConflict(error)) {
          this.#wanted = undefined;
          this.#written = status;
          return;
        }
        this.#log.debug('pod status was not written', { pod: name, namespace, error: String(error) });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)]).unref());
      }
    }
  }
}

/** What changes between two statuses as a strategic merge patch; undefined when nothing does. */
export const statusPatch = (before: PodStatus, after: PodStatus): Record<string, unknown> | undefined => {
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof PodStatus>) {
    const value = after[key];
    if (isDeepStrictEqual(before[key], value)) continue;
    if (key === 'conditions') {
      // Merged by type: conditions of others are not ours to send.
      const changed = (after.conditions ?? []).filter(
        (condition) => OWN_CONDITIONS.has(condition.type) && !(before.conditions ?? []).some((old) => isDeepStrictEqual(old, condition)),
      );
      if (changed.length > 0) patch[key] = changed.map((condition) => ({ ...vanished(before.conditions, condition), ...condition }));
    } else if (key === 'podIPs' || key === 'hostIPs') {
      const ips = after[key] ?? [];
      const gone = (before[key] ?? []).filter(({ ip }) => !ips.some((kept) => kept.ip === ip));
      patch[key] = [...ips, ...gone.map(({ ip }) => ({ $patch: 'delete', ip }))];
    } else if (OWN_FIELDS.has(key)) patch[key] = value ?? null;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
};

/** What a condition no longer says, as nulls: a merge would keep it. */
const vanished = (old: PodStatus['conditions'], condition: PodCondition): Record<string, null> => {
  const before = old?.find(({ type }) => type === condition.type) ?? {};
  return Object.fromEntries(
    Object.keys(before)
      .filter((key) => !(key in condition) && key !== 'lastProbeTime')
      .map((key) => [key, null]),
  );
};

/** Others (nominatedNodeName, resize) are written by somebody else. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'phase',
  'reason',
  'message',
  'hostIP',
  'podIP',
  'startTime',
  'qosClass',
  'observedGeneration',
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
]);
