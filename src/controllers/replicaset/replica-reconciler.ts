import { pod as pods } from '../../api/core/pod.ts';
import type { Kind } from '../../api/kind.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import type { ReplicaSetCondition, ReplicaSetStatus } from '../../api/types/apps-v1.ts';
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { BY_CONTROLLER, claimObjects, indexByController } from '../claim-objects.ts';
import { type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { selects } from '../label-selector.ts';
import { isNamespaceGoing } from '../namespace-going.ts';
import { PodControl } from '../pod-control.ts';
import {
  controllerRefOf,
  controllerRefTo,
  isPodActive,
  isPodReady,
  isPodTerminating,
  msUntilAvailable,
  nameWithSuffix,
  podFromTemplate,
  rfc3339,
} from '../pods.ts';
import { decideReplicas } from './replicaset-decide.ts';

/** The fields that a ReplicaSet and a ReplicationController share. */
export interface Replicated {
  spec?: { replicas?: number; minReadySeconds?: number; template?: PodTemplateSpec };
  status?: Partial<ReplicaSetStatus>;
}

/** How one of the two kinds says what both are: so many pods of one template. */
export interface ReplicatedKind<T extends Replicated> {
  kind: Kind;
  selectorOf: (object: Stored<T>) => LabelSelector | undefined;
}

/** So many pods of one template, no more and no fewer. */
export class ReplicaReconciler<T extends Replicated> implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #replicated: ReplicatedKind<T>;
  readonly #sets: InformerReads<T>;
  readonly #pods: InformerReads<Pod>;
  readonly #control: PodControl;

  constructor(context: ControllerContext, replicated: ReplicatedKind<T>) {
    this.#context = context;
    this.#replicated = replicated;
    this.#sets = context.informers.of<T>(replicated.kind);
    this.#pods = context.informers.of<Pod>(pods);
    this.#control = new PodControl(context, this.#pods, replicated.kind.kind);
    indexByController(this.#pods);
    indexByController(this.#sets);
    this.#sets.addIndex('namespace', (set) => [set.metadata.namespace ?? '']);
    this.watches = [watchOf(this.#sets, (set) => [keyOf(set)]), watchOf(this.#pods, (pod) => this.#setsOf(pod))];
  }

  async sync(key: string): Promise<SyncResult | undefined> {
    const set = this.#sets.get(key);
    if (!set) {
      this.#control.forget(key);
      return undefined;
    }
    const { kind, selectorOf } = this.#replicated;
    // Asked before the pods are read: what is settled after this line may not be counted in them.
    const mayChange = this.#control.isCurrent(key);
    const claimed = await claimObjects({
      client: this.#context.client,
      resource: pods,
      informer: this.#pods,
      ownerResource: kind,
      ownerKind: kind,
      owner: set,
      selector: selectorOf(set),
      mayAdopt: isPodActive,
    });
    const active = claimed.filter(isPodActive);
    let failure: { reason: string; error: unknown } | undefined;
    if (mayChange && !set.metadata.deletionTimestamp) failure = await this.#changeReplicas(key, set, active);
    await this.#writeStatus(set, claimed, active, failure);
    // A namespace that is going takes no new pods, and will take this set too.
    if (failure && !isNamespaceGoing(failure.error)) throw failure.error;
    return { requeueAfterMs: this.#nextAvailability(set, active) };
  }

  #setsOf(pod: Stored<Pod>): string[] {
    const owner = controllerRefOf(pod);
    const { kind, selectorOf } = this.#replicated;
    const namespace = pod.metadata.namespace ?? '';
    if (owner) return owner.kind === kind.kind ? [`${namespace}/${owner.name}`] : [];
    return this.#sets
      .byIndex('namespace', namespace)
      .filter((set) => selects(selectorOf(set), pod.metadata.labels))
      .map(keyOf);
  }

  async #changeReplicas(key: string, set: Stored<T>, active: Stored<Pod>[]): Promise<{ reason: string; error: unknown } | undefined> {
    const decision = decideReplicas({
      wanted: set.spec?.replicas ?? 0,
      pods: active,
      related: this.#related(set, active),
      now: this.#context.now(),
    });
    if (decision.kind === 'create') return this.#create(key, set, decision.count);
    if (decision.kind === 'delete') return this.#delete(key, set, decision.pods);
    return undefined;
  }

  /** Pods of all sets of the same Deployment. */
  #related(set: Stored<T>, active: Stored<Pod>[]): Stored<Pod>[] {
    const owner = controllerRefOf(set);
    if (!owner) return active;
    return this.#sets
      .byIndex(BY_CONTROLLER, owner.uid)
      .flatMap((sibling) => this.#pods.byIndex(BY_CONTROLLER, sibling.metadata.uid ?? ''))
      .filter(isPodActive);
  }

  /** One, then two, four, ...: when the first is refused (a quota), hundreds of equal refusals are spared. */
  async #create(key: string, set: Stored<T>, count: number): Promise<{ reason: string; error: unknown } | undefined> {
    let made = 0;
    for (let batch = 1; made < count; batch *= 2) {
      const size = Math.min(batch, count - made);
      const results = await Promise.allSettled(Array.from({ length: size }, () => this.#createPod(key, set)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) return { reason: 'FailedCreate', error: failed.reason };
      made += size;
    }
    return undefined;
  }

  async #createPod(key: string, set: Stored<T>): Promise<void> {
    const { kind } = this.#replicated;
    const { namespace = '', name: setName } = set.metadata;
    const generateName = `${setName}-`;
    const name = nameWithSuffix(generateName, this.#context.random);
    const pod = podFromTemplate(set.spec?.template, controllerRefTo(kind, set), { namespace, name, generateName });
    await this.#control.create(key, regarding(kind, set), pod);
  }

  async #delete(key: string, set: Stored<T>, doomed: readonly Stored<Pod>[]): Promise<{ reason: string; error: unknown } | undefined> {
    const about = regarding(this.#replicated.kind, set);
    const results = await Promise.allSettled(doomed.map((pod) => this.#control.delete(key, about, pod)));
    const failed = results.find((result) => result.status === 'rejected');
    return failed ? { reason: 'FailedDelete', error: failed.reason } : undefined;
  }

  async #writeStatus(
    set: Stored<T>,
    claimed: Stored<Pod>[],
    active: Stored<Pod>[],
    failure: { reason: string; error: unknown } | undefined,
  ): Promise<void> {
    const { kind } = this.#replicated;
    const status = statusOf({ set, claimed, active, failure, now: this.#context.now(), countsTerminating: kind.kind === 'ReplicaSet' });
    if (JSON.stringify(sorted(status)) === JSON.stringify(sorted(set.status ?? {}))) return;
    await this.#context.client.update(kind, { ...set, status }, { subresource: 'status' });
  }

  #nextAvailability(set: Stored<T>, active: Stored<Pod>[]): number | undefined {
    const minReadySeconds = set.spec?.minReadySeconds ?? 0;
    if (minReadySeconds === 0) return undefined;
    const waits = active
      .map((pod) => msUntilAvailable(pod, minReadySeconds, this.#context.now()))
      .filter((ms) => ms !== undefined && ms > 0);
    return waits.length > 0 ? Math.min(...(waits as number[])) : undefined;
  }
}

const statusOf = <T extends Replicated>(input: {
  set: Stored<T>;
  claimed: Stored<Pod>[];
  active: Stored<Pod>[];
  failure: { reason: string; error: unknown } | undefined;
  now: number;
  countsTerminating: boolean;
}): Partial<ReplicaSetStatus> => {
  const { set, claimed, active, failure, now, countsTerminating } = input;
  const wantedLabels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const others = (set.status?.conditions ?? []).filter((condition) => condition.type !== 'ReplicaFailure');
  const before = set.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
  const failed: ReplicaSetCondition | undefined = failure && {
    type: 'ReplicaFailure',
    status: 'True',
    lastTransitionTime: before?.lastTransitionTime ?? rfc3339(now),
    reason: failure.reason,
    message: (failure.error as Error).message,
  };
  const conditions = failed ? [...others, before && before.reason === failed.reason ? before : failed] : others;
  const count = (matches: (pod: Stored<Pod>) => boolean): number => active.filter(matches).length;
  const optional = {
    fullyLabeledReplicas: count((pod) => wantedLabels.every(([name, value]) => pod.metadata.labels?.[name] === value)),
    readyReplicas: count(isPodReady),
    availableReplicas: count((pod) => msUntilAvailable(pod, minReadySeconds, now) === 0),
  };
  return {
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value > 0)),
    ...(conditions.length > 0 ? { conditions } : {}),
    replicas: active.length,
    observedGeneration: set.metadata.generation,
    ...(countsTerminating ? { terminatingReplicas: claimed.filter(isPodTerminating).length } : {}),
  };
};

const sorted = (value: object): object => Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
