import { type KubeObject, keyOf, type ResourceName, type Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import type { Controller, ControllerContext, Reconciler, SyncResult } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import {
  blocks,
  FOREGROUND,
  isOrphaning,
  isWaitingForDependents,
  judge,
  ORPHAN,
  type OwnerState,
  unblockedReferences,
} from './garbagecollector-decide.ts';
import { type GraphEntry, ObjectGraph } from './object-graph.ts';

/**
 * Objects whose owners are gone go too; owners that are deleted in the foreground wait for the dependents that block them; and
 * owners that are deleted as orphaning let their dependents go free first. Keys are uids.
 */
export const garbageCollectorController: Controller = {
  name: 'garbage-collector',
  serviceAccount: 'generic-garbage-collector',
  workers: 20,
  build: (context) => new GarbageCollector(context),
};

class GarbageCollector implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #graph: ObjectGraph;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#graph = new ObjectGraph(context);
    this.watches = [
      (enqueue) =>
        this.#graph.listen({
          changed: ({ object }) => {
            if (this.#isWorthALook(object)) enqueue(object.metadata.uid ?? '');
            // A dependent that changed may no longer hold up its owner.
            for (const { uid } of object.metadata.ownerReferences ?? []) {
              const owner = this.#graph.byUid(uid)?.object;
              if (owner && isWaitingForDependents(owner)) enqueue(uid);
            }
          },
          deleted: ({ object }) => {
            for (const dependent of this.#graph.dependentsOf(object.metadata.uid ?? '')) enqueue(dependent.object.metadata.uid ?? '');
            for (const { uid } of object.metadata.ownerReferences ?? []) enqueue(uid);
          },
        }),
    ];
  }

  async sync(uid: string): Promise<SyncResult | undefined> {
    const entry = this.#graph.byUid(uid);
    if (!entry) return undefined;
    const { object } = entry;
    if (isOrphaning(object)) await this.#orphanDependents(entry);
    else if (isWaitingForDependents(object)) await this.#deleteDependents(entry);
    else if (!object.metadata.deletionTimestamp) await this.#judgeByOwners(entry);
    return undefined;
  }

  #isWorthALook(object: KubeObject): boolean {
    if (isOrphaning(object) || isWaitingForDependents(object)) return true;
    return (object.metadata.ownerReferences ?? []).some(({ uid }) => {
      const owner = this.#graph.byUid(uid)?.object;
      return !owner || isWaitingForDependents(owner);
    });
  }

  async #judgeByOwners(entry: GraphEntry): Promise<void> {
    const { client, log } = this.#context;
    const { resource, object } = entry;
    const references = object.metadata.ownerReferences ?? [];
    const owners = await Promise.all(references.map(async (reference) => ({ reference, state: await this.#stateOf(entry, reference) })));
    const { namespace, name = '', uid, resourceVersion } = object.metadata;
    const dependents = this.#graph.dependentsOf(uid ?? '');
    const verdict = judge(object, owners, dependents.length > 0);
    if (verdict.kind === 'keep') return;
    if (verdict.kind === 'release') {
      const patch = { metadata: { uid, resourceVersion, ownerReferences: verdict.keep } };
      await settled(client.patch(resource, { namespace, name }, patch, { type: 'application/merge-patch+json' }));
      return;
    }
    log.debug('deleting an object whose owners are gone', { resource: resource.plural, key: keyOf(object), policy: verdict.policy });
    // Perhaps a circle, in which all would wait for each other: this one lets go of its owners before it begins to wait.
    const isCircle = verdict.policy === 'Foreground' && dependents.some((dependent) => isWaitingForDependents(dependent.object));
    const unblocked = isCircle ? unblockedReferences(references) : undefined;
    if (unblocked) {
      const patch = { metadata: { uid, resourceVersion, ownerReferences: unblocked } };
      await settled(client.patch(resource, { namespace, name }, patch, { type: 'application/merge-patch+json' }));
    }
    // The resourceVersion too: somebody may have given it an owner that lives since.
    const options = { preconditions: { uid, ...(unblocked ? {} : { resourceVersion }) }, propagationPolicy: verdict.policy };
    await settled(client.delete(resource, { namespace, name }, options));
  }

  async #stateOf(dependent: GraphEntry, reference: OwnerReference): Promise<OwnerState> {
    const known = this.#graph.byUid(reference.uid);
    if (known) {
      if (known.resource.namespaced && known.object.metadata.namespace !== dependent.object.metadata.namespace)
        return this.#wrongNamespace(dependent, reference);
      return isWaitingForDependents(known.object) ? 'waiting' : 'solid';
    }
    return this.#askForOwner(dependent, reference);
  }

  /** Not in the cache is not gone: the server is asked before anything is deleted. */
  async #askForOwner(dependent: GraphEntry, reference: OwnerReference): Promise<OwnerState> {
    const resource = this.#graph.catalogue.byKind(reference.apiVersion, reference.kind);
    if (!resource) return 'unknown';
    const { namespace } = dependent.object.metadata;
    // An owner in a namespace cannot own what is in none.
    if (resource.namespaced && !namespace) return this.#wrongNamespace(dependent, reference);
    try {
      const target = { namespace: resource.namespaced ? namespace : undefined, name: reference.name };
      const live = await this.#context.client.get<Stored<KubeObject>>(resource, target);
      if (live.metadata.uid !== reference.uid) return 'absent';
      return isWaitingForDependents(live) ? 'waiting' : 'solid';
    } catch (error) {
      if (isNotFound(error)) return 'absent';
      throw error;
    }
  }

  #wrongNamespace(dependent: GraphEntry, reference: OwnerReference): OwnerState {
    const { namespace } = dependent.object.metadata;
    const message = `ownerRef [${reference.apiVersion}/${reference.kind}, namespace: ${namespace ?? ''}, name: ${reference.name}, uid: ${reference.uid}] does not exist in namespace "${namespace ?? ''}"`;
    const kind = { ...dependent.resource };
    this.#context.events.record(regarding(kind, dependent.object), 'Warning', 'OwnerRefInvalidNamespace', message);
    // For a namespaced dependent the owner does not exist where it is looked for; a cluster-wide one is left alone.
    return namespace ? 'absent' : 'unknown';
  }

  /** Foreground: blocking dependents are deleted, and when none is left the finalizer goes. */
  async #deleteDependents(entry: GraphEntry): Promise<void> {
    const { uid = '' } = entry.object.metadata;
    const dependents = this.#graph.dependentsOf(uid);
    const blocking = dependents.filter(({ object }) => blocks(object, uid));
    if (blocking.length === 0) {
      await this.#removeFinalizer(entry, FOREGROUND);
      return;
    }
    for (const { object } of dependents) if (!object.metadata.deletionTimestamp) this.#context.enqueue(object.metadata.uid ?? '');
  }

  async #orphanDependents(entry: GraphEntry): Promise<void> {
    const { client } = this.#context;
    const { uid: ownerUid = '' } = entry.object.metadata;
    await Promise.all(
      this.#graph.dependentsOf(ownerUid).map(async ({ resource, object }) => {
        const { namespace, name = '', uid, resourceVersion, ownerReferences = [] } = object.metadata;
        const keep = ownerReferences.filter((reference) => reference.uid !== ownerUid);
        const patch = { metadata: { uid, resourceVersion, ownerReferences: keep.length > 0 ? keep : null } };
        await client.patch(resource, { namespace, name }, patch, { type: 'application/merge-patch+json' }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      }),
    );
    await this.#removeFinalizer(entry, ORPHAN);
  }

  async #removeFinalizer({ resource, object }: GraphEntry, finalizer: string): Promise<void> {
    const { namespace, name = '', uid, resourceVersion, finalizers = [] } = object.metadata;
    const patch = { metadata: { uid, resourceVersion, finalizers: finalizers.filter((other) => other !== finalizer) } };
    await this.#context.client
      .patch(resource as ResourceName, { namespace, name }, patch, { type: 'application/merge-patch+json' })
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  }
}

/** Gone already is what was wanted; a conflict is tried again on the newer state. */
const settled = async (write: Promise<unknown>): Promise<void> => {
  try {
    await write;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
};
