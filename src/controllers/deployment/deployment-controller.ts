import { deployment as deployments } from '../../api/apps/deployment.ts';
import { replicaSet as replicaSets } from '../../api/apps/replica-set.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { isAlreadyExists, isNotFound } from '../../api/meta/status.ts';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { BY_CONTROLLER, claimObjects, indexByController } from '../claim-objects.ts';
import { type Controller, type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { isEmptySelector, selects } from '../label-selector.ts';
import { controllerRefOf, controllerRefTo, isPodFinished } from '../pods.ts';
import { templateHash } from '../template-hash.ts';
import {
  decideRollingUpdate,
  decideScale,
  isScalingEvent,
  maxSurgeOf,
  newSetOf,
  newSetReplicas,
  replicasOf,
  type Scaling,
  sameTemplate,
  setsToForget,
} from './deployment-decide.ts';
import { conditionOf, countStatus, isComplete, msToDeadline, rolloutStatus, withCondition } from './deployment-status.ts';
import { HASH_LABEL, newSetAnnotations, nextRevision, REVISION, revisionOf, sizeAnnotations } from './revision.ts';

type Set = Stored<ReplicaSet>;
type Owner = Stored<Deployment>;

/** One ReplicaSet for each template there ever was; the newest grows while the others shrink. */
export const deploymentController: Controller = {
  name: 'deployment',
  serviceAccount: 'deployment-controller',
  build: (context) => new DeploymentReconciler(context),
};

class DeploymentReconciler implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #deployments: InformerReads<Deployment>;
  readonly #sets: InformerReads<ReplicaSet>;
  readonly #pods: InformerReads<Pod>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#deployments = context.informers.of<Deployment>(deployments);
    this.#sets = context.informers.of<ReplicaSet>(replicaSets);
    this.#pods = context.informers.of<Pod>(pods);
    this.#deployments.addIndex('namespace', (deployment) => [deployment.metadata.namespace ?? '']);
    indexByController(this.#sets);
    indexByController(this.#pods);
    this.watches = [
      watchOf(this.#deployments, (deployment) => [keyOf(deployment)]),
      watchOf(this.#sets, (set) => this.#deploymentsOf(set)),
      (enqueue) => this.#pods.addHandler({ delete: (pod) => this.#recreatedBy(pod).forEach(enqueue) }),
    ];
  }

  async sync(key: string): Promise<SyncResult | undefined> {
    const deployment = this.#deployments.get(key);
    if (!deployment) return undefined;
    if (isEmptySelector(deployment.spec?.selector)) {
      const message = 'This deployment is selecting all pods. A non-empty selector is required.';
      this.#context.events.record(regarding(deployments, deployment), 'Warning', 'SelectingAll', message);
      return undefined;
    }
    const sets = await claimObjects({
      client: this.#context.client,
      resource: replicaSets,
      informer: this.#sets,
      ownerResource: deployments,
      ownerKind: deployments,
      owner: deployment,
      selector: deployment.spec?.selector,
    });
    if (deployment.metadata.deletionTimestamp)
      return this.#finish(deployment, countStatus(deployment, newSetOf(deployment, sets), sets, this.#context.now()));
    const paused = await this.#tellPaused(deployment);
    if (paused) return undefined;
    if (deployment.spec?.paused || isScalingEvent(deployment, sets)) return this.#resize(deployment, sets);
    return deployment.spec?.strategy?.type === 'Recreate' ? this.#recreate(deployment, sets) : this.#roll(deployment, sets);
  }

  #deploymentsOf(set: Set): string[] {
    const owner = controllerRefOf(set);
    const namespace = set.metadata.namespace ?? '';
    if (owner) return owner.kind === 'Deployment' ? [`${namespace}/${owner.name}`] : [];
    return this.#deployments
      .byIndex('namespace', namespace)
      .filter((deployment) => !isEmptySelector(deployment.spec?.selector) && selects(deployment.spec?.selector, set.metadata.labels))
      .map(keyOf);
  }

  /** A Recreate deployment goes on when its last old pod is gone. */
  #recreatedBy(pod: Stored<Pod>): string[] {
    const owner = controllerRefOf(pod);
    const set = owner && this.#sets.get(`${pod.metadata.namespace}/${owner.name}`);
    return set ? this.#deploymentsOf(set).filter((key) => this.#deployments.get(key)?.spec?.strategy?.type === 'Recreate') : [];
  }

  async #roll(deployment: Owner, sets: Set[]): Promise<SyncResult | undefined> {
    const newSet = await this.#ensureNewSet(deployment, sets);
    // Something of the deployment itself was written: its new state brings the key back.
    if (!newSet) return undefined;
    const oldSets = sets.filter((set) => set.metadata.uid !== newSet.metadata.uid);
    const scalings = decideRollingUpdate(deployment, newSet, oldSets);
    const scaled = await this.#scaleAll(deployment, scalings);
    if (scalings.length === 0) await this.#cleanUpWhenComplete(deployment, oldSets);
    return this.#finishRollout(
      deployment,
      scaled.get(newSet) ?? newSet,
      oldSets.map((set) => scaled.get(set) ?? set),
    );
  }

  async #recreate(deployment: Owner, sets: Set[]): Promise<SyncResult | undefined> {
    const known = newSetOf(deployment, sets);
    const oldSets = sets.filter((set) => set !== known);
    const shrinking = oldSets.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }));
    if (shrinking.length > 0) {
      const scaled = await this.#scaleAll(deployment, shrinking);
      return this.#finishRollout(
        deployment,
        known,
        oldSets.map((set) => scaled.get(set) ?? set),
      );
    }
    const oldPodsLeft = oldSets.some((set) => this.#pods.byIndex(BY_CONTROLLER, set.metadata.uid ?? '').some((pod) => !isPodFinished(pod)));
    if (oldPodsLeft) return this.#finishRollout(deployment, known, oldSets);
    const newSet = await this.#ensureNewSet(deployment, sets);
    if (!newSet) return undefined;
    const wanted = replicasOf(deployment);
    const scaled = await this.#scaleAll(deployment, replicasOf(newSet) === wanted ? [] : [{ set: newSet, replicas: wanted }]);
    await this.#cleanUpWhenComplete(deployment, oldSets);
    return this.#finishRollout(deployment, scaled.get(newSet) ?? newSet, oldSets);
  }

  async #resize(deployment: Owner, sets: Set[]): Promise<SyncResult | undefined> {
    const newSet = newSetOf(deployment, sets);
    const oldSets = sets.filter((set) => set !== newSet);
    const scaled = await this.#scaleAll(deployment, decideScale(deployment, newSet, oldSets), { stampAll: true });
    if (deployment.spec?.paused) await this.#cleanUpWhenComplete(deployment, oldSets);
    const after = sets.map((set) => scaled.get(set) ?? set);
    const { now } = this.#context;
    return this.#finish(deployment, countStatus(deployment, newSet && (scaled.get(newSet) ?? newSet), after, now()));
  }

  /**
   * The set of the current template, with its revision above all others. Undefined when it was made just now or the deployment
   * had to be told of it.
   */
  async #ensureNewSet(deployment: Owner, sets: Set[]): Promise<Set | undefined> {
    const known = newSetOf(deployment, sets);
    const oldSets = sets.filter((set) => set !== known);
    const revision = nextRevision(oldSets);
    const set = known ? await this.#refreshNewSet(deployment, known, revision) : await this.#createNewSet(deployment, sets, revision);
    const { name } = set.metadata;
    const told = await this.#writeRevision(deployment, revisionOf(set));
    if (!known) await this.#tellProgress(told, 'NewReplicaSetCreated', `Created new replica set "${name}"`);
    else if (conditionOf(told.status, 'Progressing') || told.spec?.progressDeadlineSeconds === undefined)
      return told === deployment ? set : undefined;
    else await this.#tellProgress(told, 'FoundNewReplicaSet', `Found new replica set "${name}"`);
    return undefined;
  }

  async #refreshNewSet(deployment: Owner, set: Set, revision: bigint): Promise<Set> {
    const annotations = newSetAnnotations(deployment, set, revision);
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    if (semanticEqual(annotations, set.metadata.annotations) && minReadySeconds === (set.spec?.minReadySeconds ?? 0)) return set;
    return this.#context.client.update<Set>(replicaSets, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, minReadySeconds } as Set['spec'],
    });
  }

  async #createNewSet(deployment: Owner, sets: Set[], revision: bigint): Promise<Set> {
    const { client, events, now } = this.#context;
    const { spec } = deployment;
    const { namespace, name: deploymentName } = deployment.metadata;
    const hash = templateHash(spec?.template, deployment.status?.collisionCount);
    const name = `${deploymentName}-${hash}`;
    const labels = { ...spec?.template?.metadata?.labels, [HASH_LABEL]: hash };
    const replicas = newSetReplicas(deployment, sets, undefined);
    const wanted = replicasOf(deployment);
    const fresh: Set = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name,
        namespace,
        labels,
        annotations: {
          ...newSetAnnotations(deployment, undefined, revision),
          ...sizeAnnotations(wanted, wanted + maxSurgeOf(deployment)),
        },
        ownerReferences: [controllerRefTo(deployments, deployment)],
      },
      spec: {
        replicas,
        ...(spec?.minReadySeconds ? { minReadySeconds: spec.minReadySeconds } : {}),
        selector: { ...spec?.selector, matchLabels: { ...spec?.selector?.matchLabels, [HASH_LABEL]: hash } },
        template: { ...spec?.template, metadata: { ...spec?.template?.metadata, labels } },
      },
    };
    try {
      const created = await client.create<Set>(replicaSets, fresh);
      if (replicas > 0)
        events.record(
          regarding(deployments, deployment),
          'Normal',
          'ScalingReplicaSet',
          `Scaled up replica set ${name} from 0 to ${replicas}`,
        );
      return created;
    } catch (error) {
      if (!isAlreadyExists(error)) {
        const message = `Failed to create new replica set "${name}": ${(error as Error).message}`;
        events.record(regarding(deployments, deployment), 'Warning', 'ReplicaSetCreateError', message);
        throw error;
      }
      const existing = await client.get<Set>(replicaSets, { namespace, name });
      if (controllerRefOf(existing)?.uid === deployment.metadata.uid && sameTemplate(existing.spec?.template, spec?.template))
        return existing;
      // Another template has this hash: the next try counts a collision more and hashes differently.
      const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
      await client.update(deployments, { ...deployment, status }, { subresource: 'status' });
      this.#context.log.info('hash collision of templates', { deployment: keyOf(deployment), time: now() });
      throw error;
    }
  }

  async #writeRevision(deployment: Owner, revision: bigint): Promise<Owner> {
    if (revision === 0n || revisionOf(deployment) === revision) return deployment;
    const annotations = { ...deployment.metadata.annotations, [REVISION]: String(revision) };
    return this.#context.client.update<Owner>(deployments, { ...deployment, metadata: { ...deployment.metadata, annotations } });
  }

  /** Returns the sets as they are after, by the set as it was before. */
  async #scaleAll(deployment: Owner, scalings: readonly Scaling[], options: { stampAll?: boolean } = {}): Promise<Map<Set, Set>> {
    const after = new Map<Set, Set>();
    const wanted = replicasOf(deployment);
    const stamps = sizeAnnotations(wanted, wanted + maxSurgeOf(deployment));
    if (options.stampAll && scalings.length === 0) {
      // Sizes fit already, but the sets must know the deployment's new size, or it would look like a scaling for ever.
      for (const set of this.#sets.byIndex(BY_CONTROLLER, deployment.metadata.uid ?? ''))
        if (replicasOf(set) > 0) after.set(set, await this.#scale(deployment, set, replicasOf(set), stamps));
      return after;
    }
    for (const { set, replicas } of scalings) after.set(set, await this.#scale(deployment, set, replicas, stamps));
    return after;
  }

  async #scale(deployment: Owner, set: Set, replicas: number, stamps: Record<string, string>): Promise<Set> {
    const before = replicasOf(set);
    const annotations = { ...set.metadata.annotations, ...stamps };
    if (before === replicas && semanticEqual(annotations, set.metadata.annotations)) return set;
    const { client, events } = this.#context;
    const written = await client.update<Set>(replicaSets, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, replicas } as Set['spec'],
    });
    if (before !== replicas) {
      const direction = before < replicas ? 'up' : 'down';
      const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`;
      events.record(regarding(deployments, deployment), 'Normal', 'ScalingReplicaSet', message);
    }
    return written;
  }

  async #cleanUpWhenComplete(deployment: Owner, oldSets: readonly Set[]): Promise<void> {
    if (!deployment.spec?.paused && !isComplete(deployment, deployment.status ?? {})) return;
    for (const set of setsToForget(deployment, oldSets)) {
      const { namespace, name = '', uid, resourceVersion } = set.metadata;
      await this.#context.client
        .delete(replicaSets, { namespace, name }, { preconditions: { uid, resourceVersion }, propagationPolicy: 'Background' })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
    }
  }

  /** Whether the status had to be written first; the change brings the key back. */
  async #tellPaused(deployment: Owner): Promise<boolean> {
    if (deployment.spec?.progressDeadlineSeconds === undefined) return false;
    const progressing = conditionOf(deployment.status, 'Progressing');
    if (progressing?.reason === 'ProgressDeadlineExceeded') return false;
    const saidPaused = progressing?.reason === 'DeploymentPaused';
    if (deployment.spec.paused && !saidPaused) return this.#tellProgress(deployment, 'DeploymentPaused', 'Deployment is paused', 'Unknown');
    if (!deployment.spec.paused && saidPaused)
      return this.#tellProgress(deployment, 'DeploymentResumed', 'Deployment is resumed', 'Unknown');
    return false;
  }

  async #tellProgress(deployment: Owner, reason: string, message: string, status = 'True'): Promise<boolean> {
    if (deployment.spec?.progressDeadlineSeconds === undefined) return false;
    const { client, now } = this.#context;
    const conditions = withCondition(deployment.status?.conditions ?? [], { type: 'Progressing', status, reason, message }, now());
    await client.update(deployments, { ...deployment, status: { ...deployment.status, conditions } }, { subresource: 'status' });
    return true;
  }

  async #finishRollout(deployment: Owner, newSet: Set | undefined, oldSets: readonly Set[]): Promise<SyncResult | undefined> {
    const sets = newSet ? [...oldSets, newSet] : oldSets;
    return this.#finish(deployment, rolloutStatus(deployment, newSet, sets, this.#context.now()));
  }

  async #finish(deployment: Owner, status: DeploymentStatus): Promise<SyncResult | undefined> {
    const { client, now } = this.#context;
    if (!semanticEqual(status, deployment.status)) await client.update(deployments, { ...deployment, status }, { subresource: 'status' });
    return { requeueAfterMs: msToDeadline(deployment, status, now()) };
  }
}
