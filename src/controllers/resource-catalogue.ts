import { customResourceDefinition as crds } from '../api/apiextensions/custom-resource-definition.ts';
import type { ResourceName, Stored } from '../api/meta/object.ts';
import { SCHEME } from '../api/scheme.ts';
import type { CustomResourceDefinition } from '../api/types/apiextensions-v1.ts';
import type { InformerReads } from '../client/informer/informer.ts';
import type { ControllerContext } from './controller.ts';

export interface CataloguedResource extends ResourceName {
  kind: string;
  namespaced: boolean;
  verbs: readonly string[];
}

/** Every kind that is stored, each once: the built-in ones and what CustomResourceDefinitions add. Changes as those do. */
export class ResourceCatalogue {
  readonly #crds: InformerReads<CustomResourceDefinition>;

  constructor(context: Pick<ControllerContext, 'informers'>) {
    this.#crds = context.informers.of<CustomResourceDefinition>(crds);
  }

  all(): CataloguedResource[] {
    return [...BUILT_IN, ...this.#crds.list().flatMap(resourceOf)];
  }

  /** By what an owner reference says: any served version names the same resource. */
  byKind(apiVersion: string, kind: string): CataloguedResource | undefined {
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    return this.all().find((resource) => resource.kind === kind && resource.group === group);
  }

  /** Calls back for each resource, also for those that come later. */
  onResource(tell: (resource: CataloguedResource) => void): () => void {
    BUILT_IN.forEach(tell);
    return this.#crds.addHandler({
      add: (crd) => resourceOf(crd).forEach(tell),
      update: (crd) => resourceOf(crd).forEach(tell),
    });
  }
}

const BUILT_IN: readonly CataloguedResource[] = SCHEME.kinds.filter(
  (kind) => kind.verbs.includes('list') && kind.verbs.includes('delete') && SCHEME.storageKindOf(kind) === kind,
);

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const resourceOf = (crd: Stored<CustomResourceDefinition>): CataloguedResource[] => {
  const established = crd.status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True');
  const version =
    crd.spec?.versions.find((candidate) => candidate.served && candidate.storage) ?? crd.spec?.versions.find(({ served }) => served);
  if (!established || !version) return [];
  const { group, names, scope } = crd.spec as CustomResourceDefinition['spec'];
  return [{ group, version: version.name, plural: names.plural, kind: names.kind, namespaced: scope === 'Namespaced', verbs: ALL_VERBS }];
};
