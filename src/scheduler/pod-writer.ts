import { pod as pods } from '../api/core/pod.ts';
import { isConflict, isNotFound } from '../api/meta/status.ts';
import type { PodCondition } from '../api/types/core-v1.ts';
import type { Logger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';
import { BoundedPool } from './bounded-pool.ts';
import type { PodInfo } from './model/pod-info.ts';

/** Everything that the scheduler writes to pods. */
export class PodWriter {
  readonly #options: { client: Client; log: Logger; now: () => number };
  readonly #statuses = new BoundedPool({ parallel: 8, waiting: 20_000 });

  constructor(options: { client: Client; log: Logger; now: () => number }) {
    this.#options = options;
  }

  stop(): void {
    this.#statuses.stop();
  }

  async bind(pod: PodInfo, nodeName: string): Promise<void> {
    const { name = '', namespace } = pod.pod.metadata;
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid: pod.uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    };
    await this.#options.client.create(pods, binding, { namespace: pod.namespace, name, subresource: 'binding' });
  }

  /** Says in the pod's status why it has no node; nothing is written when the status says so already. */
  unschedulable(
    pod: PodInfo,
    message: string,
    options: { reason: 'Unschedulable' | 'SchedulerError'; nominatedNode?: string | undefined },
  ): void {
    const known = pod.pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    const { reason, nominatedNode } = options;
    const sameNomination = nominatedNode === undefined || nominatedNode === (pod.pod.status?.nominatedNodeName ?? '');
    if (known?.status === 'False' && known.reason === reason && known.message === message && sameNomination) return;
    const condition: PodCondition & { lastProbeTime?: null } = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastProbeTime: null as never,
      lastTransitionTime: known?.status === 'False' && known.lastTransitionTime ? known.lastTransitionTime : this.#time(),
      ...(pod.pod.metadata.generation === undefined ? {} : { observedGeneration: pod.pod.metadata.generation }),
    };
    const status = { conditions: [condition], ...(nominatedNode === undefined ? {} : { nominatedNodeName: nominatedNode || null }) };
    this.#statuses.add(() => this.#patchStatus(pod, status));
  }

  /** Ends a pod to make room. Rejects when it could not be deleted. */
  async evict(victim: PodInfo, message: string): Promise<void> {
    if (victim.terminating) return;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message,
      lastTransitionTime: this.#time(),
    };
    await this.#patchStatus(victim, { conditions: [condition] });
    const { name = '', namespace } = victim.pod.metadata;
    await this.#options.client.delete(pods, { namespace, name }, { preconditions: { uid: victim.uid } }).catch((error: unknown) => {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    });
  }

  async #patchStatus(pod: PodInfo, status: unknown): Promise<void> {
    const { name = '', namespace } = pod.pod.metadata;
    const patch = { metadata: { uid: pod.uid }, status };
    await this.#options.client
      .patch(pods, { namespace, name, subresource: 'status' }, patch, { type: 'application/strategic-merge-patch+json' })
      .catch((error: unknown) => {
        // Gone or made anew meanwhile: then there is nothing to say any more.
        if (!isNotFound(error) && !isConflict(error))
          this.#options.log.warn('the status of a pod could not be written', { pod: pod.key, error });
      });
  }

  #time(): string {
    return new Date(this.#options.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}
