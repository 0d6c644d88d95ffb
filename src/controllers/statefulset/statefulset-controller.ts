import { statefulSet as statefulSets } from '../../api/apps/stateful-set.ts';
import { persistentVolumeClaim as claims } from '../../api/core/persistent-volume-claim.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { isAlreadyExists } from '../../api/meta/status.ts';
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { claimObjects, indexByController } from '../claim-objects.ts';
import { type Controller, type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { ControllerHistory, REVISION_HASH } from '../controller-history.ts';
import { regarding } from '../event-recorder.ts';
import { PodControl } from '../pod-control.ts';
import { controllerRefOf, controllerRefTo, isPodAvailable, isPodReady, msUntilAvailable, podFromTemplate } from '../pods.ts';
import { decideStateful, ordinalOf, revisionOfPod, type StatefulStep } from './statefulset-decide.ts';

/** Pods with names and volumes of their own, made and taken in order. */
export const statefulSetController: Controller = {
  name: 'statefulset',
  serviceAccount: 'statefulset-controller',
  build: (context) => new StatefulSetReconciler(context),
};

type Owner = Stored<StatefulSet>;

class StatefulSetReconciler implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #sets: InformerReads<StatefulSet>;
  readonly #pods: InformerReads<Pod>;
  readonly #claims: InformerReads<PersistentVolumeClaim>;
  readonly #control: PodControl;
  readonly #history: ControllerHistory;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.of<StatefulSet>(statefulSets);
    this.#pods = context.informers.of<Pod>(pods);
    this.#claims = context.informers.of<PersistentVolumeClaim>(claims);
    indexByController(this.#pods);
    this.#control = new PodControl(context, this.#pods, 'StatefulSet');
    this.#history = new ControllerHistory(context, statefulSets);
    this.watches = [
      watchOf(this.#sets, (set) => [keyOf(set)]),
      watchOf(this.#pods, (pod) => {
        const owner = controllerRefOf(pod);
        return owner?.kind === 'StatefulSet' ? [`${pod.metadata.namespace}/${owner.name}`] : [];
      }),
    ];
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
    if (mayChange) {
      const steps = decideStateful({ set, pods: owned, ...revisions, now });
      await Promise.all(steps.map((step) => this.#take(key, set, step, { current, update })));
    }
    const inUse = new Set([current.metadata.name ?? '', update.metadata.name ?? '', ...owned.map((pod) => revisionOfPod(pod))]);
    await this.#history.truncate(set, all, inUse);
    await this.#writeStatus(set, owned, { current, update });
    const waits = owned.map((pod) => msUntilAvailable(pod, set.spec?.minReadySeconds ?? 0, now)).filter((ms) => ms !== undefined && ms > 0);
    return { requeueAfterMs: waits.length > 0 ? Math.min(...(waits as number[])) : undefined };
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
    await this.#ensureClaims(set, step.ordinal);
    await this.#control.create(key, about, pod).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
  }

  async #ensureClaims(set: Owner, ordinal: number): Promise<void> {
    const { client, events } = this.#context;
    const { namespace } = set.metadata;
    const labels = set.spec?.selector?.matchLabels ?? {};
    const isDeletedWithSet = set.spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete';
    for (const template of set.spec?.volumeClaimTemplates ?? []) {
      const name = claimName(template, set, ordinal);
      if (this.#claims.get(`${namespace}/${name}`)) continue;
      const claim = {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: {
          ...template.metadata,
          name,
          namespace,
          labels: { ...template.metadata?.labels, ...labels },
          ...(isDeletedWithSet
            ? { ownerReferences: [{ ...controllerRefTo(statefulSets, set), controller: false, blockOwnerDeletion: false }] }
            : {}),
        },
        spec: template.spec,
      };
      await client.create(claims, claim).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
      events.record(
        regarding(statefulSets, set),
        'Normal',
        'SuccessfulCreate',
        `create Claim ${name} Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name} success`,
      );
    }
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

const claimName = (template: PersistentVolumeClaim, set: Owner, ordinal: number): string =>
  `${template.metadata?.name}-${set.metadata.name}-${ordinal}`;

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
