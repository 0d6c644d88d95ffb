import { statefulSet as statefulSets } from '../../api/apps/stateful-set.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/types/apps-v1.ts';
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { claimObjects, indexByController } from '../claim-objects.ts';
import { type Controller, type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { ControllerHistory, REVISION_HASH } from '../controller-history.ts';
import { regarding } from '../event-recorder.ts';
import { selects } from '../label-selector.ts';
import { PodControl } from '../pod-control.ts';
import { controllerRefOf, controllerRefTo, isPodAvailable, isPodReady, msUntilAvailable, podFromTemplate } from '../pods.ts';
import { claimName, SetClaims } from './set-claims.ts';
import { decideStateful, ordinalOf, revisionOfPod, type StatefulStep } from './statefulset-decide.ts';

/** Pods with names and volumes of their own, made and taken in order. */
export const statefulSetController: Controller = {
  name: 'statefulset',
  serviceAccount: 'statefulset-controller',
  build: (context) => new StatefulSetReconciler(context),
};

type Owner = Stored<StatefulSet>;

/** How long a pod waits before its set looks again whether a claim of the pod before it is gone: claims do not wake the set. */
const CLAIM_GOING_MS = 1000;

class StatefulSetReconciler implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #sets: InformerReads<StatefulSet>;
  readonly #pods: InformerReads<Pod>;
  readonly #claims: SetClaims;
  readonly #control: PodControl;
  readonly #history: ControllerHistory;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.of<StatefulSet>(statefulSets);
    this.#pods = context.informers.of<Pod>(pods);
    this.#claims = new SetClaims(context);
    indexByController(this.#pods);
    this.#sets.addIndex('namespace', (set) => [set.metadata.namespace ?? '']);
    this.#control = new PodControl(context, this.#pods, 'StatefulSet');
    this.#history = new ControllerHistory(context, statefulSets);
    this.watches = [watchOf(this.#sets, (set) => [keyOf(set)]), watchOf(this.#pods, (pod) => this.#setsOf(pod))];
  }

  async sync(key: string): Promise<SyncResult | undefined> {
    const set = this.#sets.get(key);
    if (!set) {
      this.#control.forget(key);
      return undefined;
    }
    if (set.metadata.deletionTimestamp) return undefined;
    const mayChange = this.#control.isCurrent(key);
    const { current: update, all } = await this.#history.upToDate(set);
    const owned = await claimObjects({
      client: this.#context.client,
      resource: pods,
      informer: this.#pods,
      ownerResource: statefulSets,
      ownerKind: statefulSets,
      owner: set,
      selector: set.spec?.selector,
      mayAdopt: (pod) => ordinalOf(set, pod) >= 0,
    });
    const current = all.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
    const now = this.#context.now();
    const revisions = { currentRevision: hashOf(current), updateRevision: hashOf(update) };
    let failure: { error: unknown } | undefined;
    let mustWait = false;
    if (mayChange) {
      const steps = decideStateful({ set, pods: owned, ...revisions, now });
      const canBeTaken = steps.filter((step) => step.kind !== 'create' || !this.#claims.mustWait(set, step.ordinal));
      mustWait = canBeTaken.length < steps.length;
      // Told in the status first what there is, thrown after it.
      failure = await this.#claims
        .own(set, owned)
        .then(() => Promise.all(canBeTaken.map((step) => this.#take(key, set, step, { current, update }))))
        .then(
          () => undefined,
          (error: unknown) => ({ error }),
        );
    }
    const inUse = new Set([current.metadata.name ?? '', update.metadata.name ?? '', ...owned.map((pod) => revisionOfPod(pod))]);
    await this.#history.truncate(set, all, inUse);
    await this.#writeStatus(set, owned, { current, update });
    if (failure) throw failure.error;
    const waits = owned.map((pod) => msUntilAvailable(pod, set.spec?.minReadySeconds ?? 0, now)).filter((ms) => ms !== undefined && ms > 0);
    if (mustWait) waits.push(CLAIM_GOING_MS);
    return { requeueAfterMs: waits.length > 0 ? Math.min(...(waits as number[])) : undefined };
  }

  /** A pod without an owner may be one that a set is to adopt. */
  #setsOf(pod: Stored<Pod>): string[] {
    const owner = controllerRefOf(pod);
    const namespace = pod.metadata.namespace ?? '';
    if (owner) return owner.kind === 'StatefulSet' ? [`${namespace}/${owner.name}`] : [];
    return this.#sets
      .byIndex('namespace', namespace)
      .filter((set) => ordinalOf(set, pod) >= 0 && selects(set.spec?.selector, pod.metadata.labels))
      .map(keyOf);
  }

  async #take(
    key: string,
    set: Owner,
    step: StatefulStep,
    revisions: { current: Stored<ControllerRevision>; update: Stored<ControllerRevision> },
  ): Promise<void> {
    const about = regarding(statefulSets, set);
    if (step.kind === 'delete') {
      await this.#control.delete(key, about, step.pod);
      return;
    }
    const revision = step.fresh ? revisions.update : revisions.current;
    const pod = podOf(set, step.ordinal, revision);
    await this.#claims.ensure(set, step.ordinal);
    await this.#control.create(key, about, pod);
  }

  async #writeStatus(
    set: Owner,
    owned: readonly Stored<Pod>[],
    revisions: { current: Stored<ControllerRevision>; update: Stored<ControllerRevision> },
  ): Promise<void> {
    const now = this.#context.now();
    const { replicas = 1, minReadySeconds = 0 } = set.spec ?? {};
    const { current, update } = revisions;
    const count = (matches: (pod: Stored<Pod>) => boolean): number => owned.filter(matches).length;
    const isAlive = (pod: Stored<Pod>): boolean => !pod.metadata.deletionTimestamp;
    const updated = count((pod) => isAlive(pod) && revisionOfPod(pod) === hashOf(update));
    const ready = count((pod) => isAlive(pod) && isPodReady(pod));
    // The roll-out is over when every pod is of the new revision: from then on it is the current one.
    const isOver = updated === replicas && ready === replicas && owned.length === replicas;
    const currentName = isOver ? update.metadata.name : current.metadata.name;
    const currentCount = isOver ? updated : count((pod) => isAlive(pod) && revisionOfPod(pod) === hashOf(current));
    const { collisionCount, conditions } = set.status ?? {};
    const status: StatefulSetStatus = {
      observedGeneration: set.metadata.generation,
      replicas: owned.length,
      ...(ready > 0 ? { readyReplicas: ready } : {}),
      ...(currentCount > 0 ? { currentReplicas: currentCount } : {}),
      ...(updated > 0 ? { updatedReplicas: updated } : {}),
      currentRevision: currentName,
      updateRevision: update.metadata.name,
      collisionCount: collisionCount ?? 0,
      availableReplicas: count((pod) => isAlive(pod) && isPodAvailable(pod, minReadySeconds, now)),
      ...(conditions ? { conditions } : {}),
    };
    if (!semanticEqual(status, set.status)) await this.#context.client.update(statefulSets, { ...set, status }, { subresource: 'status' });
  }
}

const hashOf = (revision: Stored<ControllerRevision>): string => revision.metadata.name ?? '';

const podOf = (set: Owner, ordinal: number, revision: Stored<ControllerRevision>): Stored<Pod> => {
  const { namespace = '', name: setName = '' } = set.metadata;
  const name = `${setName}-${ordinal}`;
  const { $patch: _patch, ...template } = (revision.data as { spec: { template: PodTemplateSpec & { $patch?: string } } }).spec.template;
  const pod = podFromTemplate(template, controllerRefTo(statefulSets, set), { namespace, name, generateName: `${setName}-` });
  const claimed = set.spec?.volumeClaimTemplates ?? [];
  const volumes = [
    ...(pod.spec?.volumes ?? []).filter((volume) => !claimed.some(({ metadata }) => metadata?.name === volume.name)),
    ...claimed.map((claim) => ({ name: claim.metadata?.name ?? '', persistentVolumeClaim: { claimName: claimName(claim, set, ordinal) } })),
  ];
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...pod.metadata.labels,
        [REVISION_HASH]: hashOf(revision),
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': String(ordinal),
      },
    },
    spec: {
      ...(pod.spec as NonNullable<Pod['spec']>),
      hostname: name,
      subdomain: set.spec?.serviceName,
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  };
};
