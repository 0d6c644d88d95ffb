import { controllerRevision } from '../../api/apps/controller-revision.ts';
import { daemonSet as daemonSets } from '../../api/apps/daemon-set.ts';
import { node as nodes } from '../../api/core/node.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import type { ControllerRevision, DaemonSet, DaemonSetStatus } from '../../api/types/apps-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { claimObjects, indexByController } from '../claim-objects.ts';
import { type Controller, type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { ControllerHistory, REVISION_HASH } from '../controller-history.ts';
import { regarding } from '../event-recorder.ts';
import { intOrPercent } from '../int-or-percent.ts';
import { PodControl } from '../pod-control.ts';
import { controllerRefOf, controllerRefTo, isPodFinished, isPodReady, msUntilAvailable, nameWithSuffix, podFromTemplate } from '../pods.ts';
import { affinityToNode, daemonTolerations, type FailureBackOff, nextFailure, nodeFit, podsToReplace } from './daemonset-decide.ts';

/** One pod on every node that fits. */
export const daemonSetController: Controller = {
  name: 'daemonset',
  serviceAccount: 'daemon-set-controller',
  build: (context) => new DaemonSetReconciler(context),
};

type Owner = Stored<DaemonSet>;

class DaemonSetReconciler implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #sets: InformerReads<DaemonSet>;
  readonly #nodes: InformerReads<Node>;
  readonly #pods: InformerReads<Pod>;
  readonly #control: PodControl;
  readonly #history: ControllerHistory;
  /** By set, then by generation and node. */
  readonly #failures = new Map<string, Map<string, FailureBackOff>>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = context.informers.of<DaemonSet>(daemonSets);
    this.#nodes = context.informers.of<Node>(nodes);
    this.#pods = context.informers.of<Pod>(pods);
    indexByController(this.#pods);
    this.#control = new PodControl(context, this.#pods, 'DaemonSet');
    this.#history = new ControllerHistory(context, daemonSets);
    const ownedBy = ({ metadata }: Stored<Pod> | Stored<ControllerRevision>): string[] => {
      const owner = controllerRefOf({ metadata });
      return owner?.kind === 'DaemonSet' ? [`${metadata.namespace}/${owner.name}`] : [];
    };
    this.watches = [
      watchOf(this.#sets, (set) => [keyOf(set)]),
      watchOf(this.#pods, ownedBy),
      watchOf(context.informers.of<ControllerRevision>(controllerRevision), ownedBy),
      (enqueue) => {
        const all = (): void => {
          for (const set of this.#sets.list()) enqueue(keyOf(set));
        };
        return this.#nodes.addHandler({
          add: all,
          delete: all,
          update: (node, old) => {
            if (!semanticEqual([node.metadata.labels, node.spec?.taints], [old.metadata.labels, old.spec?.taints])) all();
          },
        });
      },
    ];
  }

  async sync(key: string): Promise<SyncResult | undefined> {
    const set = this.#sets.get(key);
    if (!set) {
      this.#control.forget(key);
      this.#failures.delete(key);
      return undefined;
    }
    if (set.metadata.deletionTimestamp) return undefined;
    const mayChange = this.#control.isCurrent(key);
    const { current, all } = await this.#history.upToDate(set);
    const hash = current.metadata.labels?.[REVISION_HASH] ?? '';
    const claimed = await claimObjects({
      client: this.#context.client,
      resource: pods,
      informer: this.#pods,
      ownerResource: daemonSets,
      ownerKind: daemonSets,
      owner: set,
      selector: set.spec?.selector,
    });
    const waitMs = mayChange ? await this.#placePods(key, set, claimed, hash) : undefined;
    await this.#history.truncate(set, all, this.#revisionsInUse(set, claimed, current));
    const result = await this.#writeStatus(set, claimed, hash);
    const soonest = Math.min(waitMs ?? Number.POSITIVE_INFINITY, result?.requeueAfterMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(soonest) ? { requeueAfterMs: soonest } : undefined;
  }

  /** Answers after which time to look again. */
  async #placePods(key: string, set: Owner, claimed: readonly Stored<Pod>[], hash: string): Promise<number | undefined> {
    const waits: number[] = [];
    const byNode = Map.groupBy(claimed, targetNodeOf);
    const about = regarding(daemonSets, set);
    const missing: string[] = [];
    const doomed: Stored<Pod>[] = [];
    for (const node of this.#nodes.list()) {
      const name = node.metadata.name ?? '';
      const here = byNode.get(name) ?? [];
      const { shouldRun, shouldContinue } = nodeFit(set, node);
      const alive = here.filter((pod) => !pod.metadata.deletionTimestamp);
      const failed = alive.filter(isPodFinished);
      const waitMs = shouldContinue && failed.length > 0 ? this.#failed(key, `${set.metadata.generation} ${name}`) : 0;
      if (waitMs > 0) waits.push(waitMs);
      else if (shouldContinue) doomed.push(...failed);
      else doomed.push(...alive);
      if (!shouldContinue) continue;
      const active = alive.filter((pod) => !isPodFinished(pod));
      const surging = this.#isSurging(set) && active.length === 1 && active.every((pod) => hashOf(pod) !== hash);
      if (shouldRun && (here.length === 0 || surging)) missing.push(name);
      // Two of one template on a node: the older stays.
      for (const group of Map.groupBy(active, hashOf).values()) doomed.push(...byAge(group).slice(1));
    }
    for (const [name, orphans] of byNode)
      if (name && !this.#nodes.get(name)) doomed.push(...orphans.filter((pod) => !pod.metadata.deletionTimestamp));
    if (missing.length === 0 && doomed.length === 0 && set.spec?.updateStrategy?.type !== 'OnDelete')
      doomed.push(...this.#replaceable(set, claimed, hash));
    await Promise.all(doomed.map((pod) => this.#control.delete(key, about, pod)));
    await Promise.all(missing.map((name) => this.#createOn(key, set, name, hash)));
    return waits.length > 0 ? Math.min(...waits) : undefined;
  }

  /** How long a failed pod stays where it is: not at all the first time, then a second, twice as long each time. 0: it may go. */
  #failed(key: string, place: string): number {
    const places = this.#failures.get(key) ?? new Map<string, FailureBackOff>();
    this.#failures.set(key, places);
    const { waitMs, next } = nextFailure(places.get(place), this.#context.now());
    places.set(place, next);
    return waitMs;
  }

  #isSurging(set: Owner): boolean {
    const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
    return type !== 'OnDelete' && intOrPercent(rollingUpdate?.maxSurge, this.#nodes.list().length, 'up') > 0;
  }

  #replaceable(set: Owner, claimed: readonly Stored<Pod>[], hash: string): Stored<Pod>[] {
    const fitting = this.#nodes.list().filter((node) => nodeFit(set, node).shouldRun);
    const byNode = new Map(
      fitting.map(({ metadata }) => {
        const active = claimed.filter(
          (pod) => targetNodeOf(pod) === metadata.name && !pod.metadata.deletionTimestamp && !isPodFinished(pod),
        );
        return [
          metadata.name ?? '',
          { fresh: active.filter((pod) => hashOf(pod) === hash), old: active.filter((pod) => hashOf(pod) !== hash) },
        ] as const;
      }),
    );
    return podsToReplace({ set, desired: fitting.length, byNode, now: this.#context.now() });
  }

  async #createOn(key: string, set: Owner, nodeName: string, hash: string): Promise<void> {
    const { random } = this.#context;
    const generateName = `${set.metadata.name}-`;
    const pod = podFromTemplate(set.spec?.template, controllerRefTo(daemonSets, set), {
      namespace: set.metadata.namespace ?? '',
      name: nameWithSuffix(generateName, random),
      generateName,
    });
    const { spec } = pod;
    const labels = { ...pod.metadata.labels, [REVISION_HASH]: hash, 'pod-template-generation': String(set.metadata.generation ?? 1) };
    await this.#control.create(key, regarding(daemonSets, set), {
      ...pod,
      metadata: { ...pod.metadata, labels },
      spec: {
        ...spec,
        affinity: affinityToNode(spec, nodeName),
        tolerations: [...(spec?.tolerations ?? []), ...daemonTolerations(spec?.hostNetwork === true)],
      } as NonNullable<Pod['spec']>,
    });
  }

  #revisionsInUse(set: Owner, claimed: readonly Stored<Pod>[], current: Stored<ControllerRevision>): Set<string> {
    return new Set([current.metadata.name ?? '', ...claimed.map((pod) => `${set.metadata.name}-${hashOf(pod)}`)]);
  }

  async #writeStatus(set: Owner, claimed: readonly Stored<Pod>[], hash: string): Promise<SyncResult | undefined> {
    const now = this.#context.now();
    const minReady = set.spec?.minReadySeconds ?? 0;
    const byNode = Map.groupBy(
      claimed.filter((pod) => !pod.metadata.deletionTimestamp && !isPodFinished(pod)),
      targetNodeOf,
    );
    const counts = {
      currentNumberScheduled: 0,
      numberMisscheduled: 0,
      desiredNumberScheduled: 0,
      numberReady: 0,
      updatedNumberScheduled: 0,
      numberAvailable: 0,
    };
    let wait: number | undefined;
    for (const node of this.#nodes.list()) {
      const here = byNode.get(node.metadata.name ?? '') ?? [];
      if (!nodeFit(set, node).shouldRun) {
        counts.numberMisscheduled += Number(here.length > 0);
        continue;
      }
      counts.desiredNumberScheduled += 1;
      if (here.length === 0) continue;
      counts.currentNumberScheduled += 1;
      counts.updatedNumberScheduled += Number(here.some((pod) => hashOf(pod) === hash));
      counts.numberReady += Number(here.some(isPodReady));
      const waits = here.map((pod) => msUntilAvailable(pod, minReady, now)).filter((ms) => ms !== undefined);
      if (waits.includes(0)) counts.numberAvailable += 1;
      else if (waits.length > 0) wait = Math.min(wait ?? Number.POSITIVE_INFINITY, ...waits);
    }
    const { updatedNumberScheduled, numberAvailable, ...always } = counts;
    const unavailable = counts.desiredNumberScheduled - numberAvailable;
    const status: DaemonSetStatus = {
      ...always,
      ...(updatedNumberScheduled > 0 ? { updatedNumberScheduled } : {}),
      ...(numberAvailable > 0 ? { numberAvailable } : {}),
      ...(unavailable > 0 ? { numberUnavailable: unavailable } : {}),
      observedGeneration: set.metadata.generation,
    };
    const { collisionCount, conditions } = set.status ?? {};
    const wanted = { ...status, ...(collisionCount ? { collisionCount } : {}), ...(conditions ? { conditions } : {}) };
    if (!semanticEqual(wanted, set.status))
      await this.#context.client.update(daemonSets, { ...set, status: wanted }, { subresource: 'status' });
    return { requeueAfterMs: wait };
  }
}

const hashOf = (pod: Stored<Pod>): string => pod.metadata.labels?.[REVISION_HASH] ?? '';

/** Where a daemon's pod is or is to be. */
const targetNodeOf = (pod: Stored<Pod>): string => {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap(({ matchFields = [] }) => matchFields).find(({ key }) => key === 'metadata.name')?.values?.[0] ?? '';
};

const byAge = (group: readonly Stored<Pod>[]): Stored<Pod>[] =>
  [...group].sort((a, b) => Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? ''));
