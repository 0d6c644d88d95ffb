import { replicaSet } from '../api/apps/replica-set.ts';
import { statefulSet } from '../api/apps/stateful-set.ts';
import { persistentVolume } from '../api/core/persistent-volume.ts';
import { persistentVolumeClaim } from '../api/core/persistent-volume-claim.ts';
import { replicationController } from '../api/core/replication-controller.ts';
import { service } from '../api/core/service.ts';
import type { Stored } from '../api/meta/object.ts';
import { type ParsedSelector, selectorFromObject } from '../api/meta/selector.ts';
import { csiNode } from '../api/storage/csi-node.ts';
import { storageClass } from '../api/storage/storage-class.ts';
import type { ReplicaSet, StatefulSet } from '../api/types/apps-v1.ts';
import type { PersistentVolume, PersistentVolumeClaim, ReplicationController, Service } from '../api/types/core-v1.ts';
import type { LabelSelector } from '../api/types/meta-v1.ts';
import type { CSINode, StorageClass } from '../api/types/storage-v1.ts';
import type { InformerReads } from '../client/informer/informer.ts';
import type { InformerFactory } from '../client/informer/informer-factory.ts';
import type { ClusterState } from './model/cluster-state.ts';
import type { PodInfo } from './model/pod-info.ts';
import type { World } from './plugin.ts';

/** What can own pods, as far as its selector goes. */
type Owners = InformerReads<{ spec?: { selector?: LabelSelector | Record<string, string> } }>;

const MAX_REMEMBERED_SIBLINGS = 10_000;

/** The World over shared informers. */
export class LiveWorld implements World {
  readonly state: ClusterState;
  readonly #claims: InformerReads<PersistentVolumeClaim>;
  readonly #volumes: InformerReads<PersistentVolume>;
  readonly #storageClasses: InformerReads<StorageClass>;
  readonly #csiNodes: InformerReads<CSINode>;
  readonly #services: InformerReads<Service>;
  readonly #owners: Readonly<Record<string, Owners>>;
  readonly #siblings = new Map<string, { id: string; selector: ParsedSelector } | undefined>();
  /** Volumes that a pod on its way has been promised; they are not available any more, though the server does not know yet. */
  readonly #reserved = new Map<string, string>();

  readonly #removeHandlers: (() => void)[] = [];

  constructor(state: ClusterState, informers: InformerFactory, onStorageChange: () => void) {
    this.state = state;
    this.#claims = informers.of(persistentVolumeClaim);
    this.#volumes = informers.of(persistentVolume);
    this.#storageClasses = informers.of(storageClass);
    this.#csiNodes = informers.of(csiNode);
    this.#services = informers.of(service);
    this.#owners = {
      ReplicaSet: informers.of<ReplicaSet>(replicaSet) as unknown as Owners,
      StatefulSet: informers.of<StatefulSet>(statefulSet) as unknown as Owners,
      ReplicationController: informers.of<ReplicationController>(replicationController) as unknown as Owners,
    };
    this.#volumes.addIndex('class', (volume) => [volume.spec?.storageClassName ?? '']);
    this.#services.addIndex('namespace', (object) => [object.metadata.namespace ?? '']);
    for (const informer of [this.#claims, this.#volumes, this.#storageClasses, this.#csiNodes] as InformerReads<unknown>[])
      this.#removeHandlers.push(informer.addHandler({ add: onStorageChange, update: onStorageChange, delete: onStorageChange }));
    const forget = (): void => this.#siblings.clear();
    this.#removeHandlers.push(this.#services.addHandler({ add: forget, update: forget, delete: forget }));
    // Their status changes all the time; their selector never does.
    for (const informer of Object.values(this.#owners)) this.#removeHandlers.push(informer.addHandler({ add: forget, delete: forget }));
  }

  /** Listens to the informers no more, which others may go on using. */
  close(): void {
    for (const remove of this.#removeHandlers.splice(0)) remove();
  }

  claim(namespace: string, name: string): Stored<PersistentVolumeClaim> | undefined {
    return this.#claims.get(`${namespace}/${name}`);
  }

  volume(name: string): Stored<PersistentVolume> | undefined {
    return name === '' ? undefined : this.#volumes.get(name);
  }

  availableVolumes(className: string): readonly Stored<PersistentVolume>[] {
    return this.#volumes
      .byIndex('class', className)
      .filter(
        (volume) => !volume.spec?.claimRef && volume.status?.phase === 'Available' && !this.#reserved.has(volume.metadata.name ?? ''),
      );
  }

  reserveVolume(name: string, claim: string): void {
    this.#reserved.set(name, claim);
  }

  releaseVolume(name: string): void {
    this.#reserved.delete(name);
  }

  storageClass(name: string): Stored<StorageClass> | undefined {
    return this.#storageClasses.get(name);
  }

  csiNode(name: string): Stored<CSINode> | undefined {
    return this.#csiNodes.get(name);
  }

  siblings(pod: PodInfo): { id: string; selector: ParsedSelector } | undefined {
    const owner = pod.pod.metadata.ownerReferences?.find((reference) => reference.controller);
    const id = `${pod.namespace} ${owner?.uid ?? ''} ${JSON.stringify(pod.labels)}`;
    if (this.#siblings.has(id)) return this.#siblings.get(id);
    const found = this.#findSiblings(pod, owner);
    if (this.#siblings.size >= MAX_REMEMBERED_SIBLINGS) this.#siblings.clear();
    this.#siblings.set(id, found);
    return found;
  }

  #findSiblings(pod: PodInfo, owner: { kind: string; name: string } | undefined): { id: string; selector: ParsedSelector } | undefined {
    const matchLabels: Record<string, string> = {};
    for (const object of this.#services.byIndex('namespace', pod.namespace)) {
      const selector = Object.entries(object.spec?.selector ?? {});
      if (selector.length > 0 && selector.every(([key, value]) => pod.labels[key] === value))
        Object.assign(matchLabels, object.spec?.selector);
    }
    const selector = owner && this.#owners[owner.kind]?.get(`${pod.namespace}/${owner.name}`)?.spec?.selector;
    const matchExpressions: NonNullable<LabelSelector['matchExpressions']> = [];
    if (selector && owner.kind === 'ReplicationController') Object.assign(matchLabels, selector);
    else if (selector) {
      Object.assign(matchLabels, (selector as LabelSelector).matchLabels);
      matchExpressions.push(...((selector as LabelSelector).matchExpressions ?? []));
    }
    if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) return undefined;
    const merged = { matchLabels, matchExpressions };
    return { id: JSON.stringify([pod.namespace, merged]), selector: selectorFromObject(merged) };
  }
}
