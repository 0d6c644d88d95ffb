import { type KubeObject, keyOf, type ResourceName, type Stored } from '../../api/meta/object.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import type { ControllerContext } from '../controller.ts';
import { type CataloguedResource, ResourceCatalogue } from '../resource-catalogue.ts';

export interface GraphEntry {
  resource: CataloguedResource;
  object: Stored<KubeObject>;
}

export interface GraphListener {
  changed(entry: GraphEntry): void;
  deleted(entry: GraphEntry): void;
}

/** Who owns whom, over all resources: the informers of all of them, with an index by owner. */
export class ObjectGraph {
  readonly catalogue: ResourceCatalogue;
  readonly #context: ControllerContext;
  readonly #informers = new Map<string, { resource: CataloguedResource; informer: InformerReads<KubeObject> }>();
  readonly #byUid = new Map<string, { resource: string; key: string }>();
  readonly #listeners = new Set<GraphListener>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.catalogue = new ResourceCatalogue(context);
    this.catalogue.onResource((resource) => this.#follow(resource));
  }

  /** Tells of everything that is there, and of every change. */
  listen(listener: GraphListener): () => void {
    this.#listeners.add(listener);
    for (const { resource, informer } of this.#informers.values())
      for (const object of informer.list()) listener.changed({ resource, object });
    return () => this.#listeners.delete(listener);
  }

  byUid(uid: string): GraphEntry | undefined {
    const place = this.#byUid.get(uid);
    const found = place && this.#informers.get(place.resource);
    const object = found?.informer.get(place?.key ?? '');
    return found && object?.metadata.uid === uid ? { resource: found.resource, object } : undefined;
  }

  dependentsOf(uid: string): GraphEntry[] {
    const dependents: GraphEntry[] = [];
    for (const { resource, informer } of this.#informers.values())
      for (const object of informer.byIndex('owner', uid)) dependents.push({ resource, object });
    return dependents;
  }

  #follow(resource: CataloguedResource): void {
    const id = idOf(resource);
    if (this.#informers.has(id) || NOT_FOLLOWED.has(id)) return;
    const informer = this.#context.informers.of<KubeObject>(resource);
    informer.addIndex('owner', (object) => (object.metadata.ownerReferences ?? []).map(({ uid }) => uid));
    this.#informers.set(id, { resource, informer });
    const changed = (object: Stored<KubeObject>): void => {
      this.#byUid.set(object.metadata.uid ?? '', { resource: id, key: keyOf(object) });
      for (const listener of this.#listeners) listener.changed({ resource, object });
    };
    informer.addHandler({
      add: changed,
      update: changed,
      delete: (object) => {
        this.#byUid.delete(object.metadata.uid ?? '');
        for (const listener of this.#listeners) listener.deleted({ resource, object });
      },
    });
  }
}

const idOf = (resource: ResourceName): string => `${resource.plural}.${resource.group}`;

/** Events own nothing and are owned by nothing, and there are many. */
const NOT_FOLLOWED = new Set(['events.', 'events.events.k8s.io']);
