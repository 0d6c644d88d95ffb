import { pod as pods } from '../api/core/pod.ts';
import { keyOf, type Stored } from '../api/meta/object.ts';
import { hasReason, isAlreadyExists, isNotFound } from '../api/meta/status.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { InformerReads } from '../client/informer/informer.ts';
import type { ControllerContext } from './controller.ts';
import type { Regarding } from './event-recorder.ts';
import { Expectations } from './expectations.ts';
import { isNamespaceGoing } from './namespace-going.ts';
import { controllerRefOf } from './pods.ts';

/** Creates and deletes the pods of one kind of owner, tells of it, and remembers what the cache does not show yet. */
export class PodControl {
  readonly #context: ControllerContext;
  readonly #expectations: Expectations;

  constructor(context: ControllerContext, allPods: InformerReads<Pod>, ownerKind: string) {
    this.#context = context;
    this.#expectations = new Expectations(context.now);
    const settle = (pod: Stored<Pod>, what: string): void => {
      const owner = controllerRefOf(pod);
      if (owner?.kind === ownerKind) this.#expectations.settle(`${pod.metadata.namespace}/${owner.name}`, what);
    };
    allPods.addHandler({
      add: (pod) => settle(pod, `+${keyOf(pod)}`),
      update: (pod) => pod.metadata.deletionTimestamp && settle(pod, `-${pod.metadata.uid}`),
      delete: (pod) => {
        settle(pod, `+${keyOf(pod)}`);
        settle(pod, `-${pod.metadata.uid}`);
      },
    });
  }

  /** Whether the cache shows all that was written for the owner. Ask before reading the pods. */
  isCurrent(ownerKey: string): boolean {
    return this.#expectations.fulfilled(ownerKey);
  }

  forget(ownerKey: string): void {
    this.#expectations.forget(ownerKey);
  }

  /** Throws what the server says, after telling it as FailedCreate: but that a pod has the name already is no news to its owner. */
  async create(ownerKey: string, about: Regarding, pod: Stored<Pod>): Promise<void> {
    const { client, events } = this.#context;
    const what = `+${keyOf(pod)}`;
    this.#expectations.expect(ownerKey, what);
    try {
      await client.create(pods, pod);
      events.record(about, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
    } catch (error) {
      this.#expectations.settle(ownerKey, what);
      if (!isNamespaceGoing(error) && !isAlreadyExists(error))
        events.record(about, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Gone already is well. */
  async delete(ownerKey: string, about: Regarding, pod: Stored<Pod>): Promise<void> {
    const { client, events } = this.#context;
    const { namespace, name = '', uid } = pod.metadata;
    const what = `-${uid}`;
    this.#expectations.expect(ownerKey, what);
    try {
      await client.delete(pods, { namespace, name }, { preconditions: { uid } });
      events.record(about, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (error) {
      this.#expectations.settle(ownerKey, what);
      if (isNotFound(error) || hasReason(error, 'Conflict')) return;
      events.record(about, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
      throw error;
    }
  }
}
