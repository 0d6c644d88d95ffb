import { namespace as namespaces } from '../../api/core/namespace.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { type KubeObject, keyOf, type Stored } from '../../api/meta/object.ts';
import { hasReason, isConflict, isNotFound } from '../../api/meta/status.ts';
import type { Namespace } from '../../api/types/core-v1.ts';
import { type Controller, type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { type CataloguedResource, ResourceCatalogue } from '../resource-catalogue.ts';
import { conditionsOf, type Remainder } from './namespace-conditions.ts';

/** Empties namespaces that are being deleted, pods first, and lets go of them when nothing is left. */
export const namespaceController: Controller = {
  name: 'namespace',
  serviceAccount: 'namespace-controller',
  build: (context) => {
    const all = context.informers.of<Namespace>(namespaces);
    const catalogue = new ResourceCatalogue(context);
    const rounds = new Map<string, number>();
    return {
      watches: [watchOf(all, (namespace) => (namespace.metadata.deletionTimestamp ? [keyOf(namespace)] : []))],
      sync: async (key) => {
        const namespace = all.get(key);
        if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes(FINALIZER)) {
          rounds.delete(key);
          return undefined;
        }
        const round = rounds.get(key) ?? 0;
        rounds.set(key, round + 1);
        return emptyNamespace(context, catalogue, namespace, round);
      },
    } satisfies Reconciler;
  },
};

const FINALIZER = 'kubernetes';

const emptyNamespace = async (
  context: ControllerContext,
  catalogue: ResourceCatalogue,
  namespace: Stored<Namespace>,
  round: number,
): Promise<SyncResult | undefined> => {
  const { client, now } = context;
  const name = namespace.metadata.name ?? '';
  // The cache may be behind: what is deleted in it could be a namespace made again.
  const live = await client.get<Stored<Namespace>>(namespaces, { name }).catch(undefinedIfGone);
  if (!live?.metadata.deletionTimestamp || live.metadata.uid !== namespace.metadata.uid) return undefined;
  const emptying = new Emptying(context, name);
  await emptying.empty(pods);
  if (emptying.isEmpty) {
    const others = catalogue.all().filter((resource) => resource.namespaced && !isPods(resource));
    await inTurn(others, PARALLEL, (resource) => emptying.empty(resource));
  }
  const conditions = conditionsOf(live.status?.conditions ?? [], emptying.remainder, now());
  // Nothing is said about a namespace that goes at once: it would be a write for nobody.
  if (!emptying.isEmpty && !semanticEqual(conditions, live.status?.conditions))
    await client.update(namespaces, { ...live, status: { ...live.status, phase: 'Terminating', conditions } }, { subresource: 'status' });
  // Pods take their time to stop; the first looks are quick, since most namespaces are small.
  if (!emptying.isEmpty) return { requeueAfterMs: Math.min(100 * 1.6 ** round, 5000) };
  const finalizers = (live.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
  await client.update(namespaces, { ...live, spec: { ...live.spec, finalizers } }, { subresource: 'finalize' }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
  return undefined;
};

const PARALLEL = 8;

class Emptying {
  readonly remainder: Remainder & { resources: Map<string, number>; finalizers: Map<string, number>; failures: string[] };
  readonly #context: ControllerContext;
  readonly #namespace: string;

  constructor(context: ControllerContext, namespace: string) {
    this.#context = context;
    this.#namespace = namespace;
    this.remainder = { resources: new Map(), finalizers: new Map(), failures: [] };
  }

  get isEmpty(): boolean {
    return this.remainder.resources.size === 0 && this.remainder.failures.length === 0;
  }

  /** Deletes what is there and notes what stays for now. */
  async empty(resource: Pick<CataloguedResource, 'group' | 'version' | 'plural' | 'verbs'>): Promise<void> {
    try {
      const before = await this.#list(resource);
      if (before.length === 0) return;
      if (before.some((object) => !object.metadata.deletionTimestamp)) await this.#deleteAll(resource, before);
      const left = await this.#list(resource);
      if (left.length === 0) return;
      this.remainder.resources.set(`${resource.plural}.${resource.group}`, left.length);
      for (const object of left)
        for (const finalizer of object.metadata.finalizers ?? [])
          this.remainder.finalizers.set(finalizer, (this.remainder.finalizers.get(finalizer) ?? 0) + 1);
    } catch (error) {
      // A resource that the server does not serve has nothing in it.
      if (isNotFound(error) || hasReason(error, 'MethodNotAllowed')) return;
      this.remainder.failures.push(`${resource.plural}.${resource.group}: ${(error as Error).message}`);
    }
  }

  async #list(resource: Pick<CataloguedResource, 'group' | 'version' | 'plural'>): Promise<readonly KubeObject[]> {
    return (await this.#context.client.list(resource, { namespace: this.#namespace })).items;
  }

  async #deleteAll(
    resource: Pick<CataloguedResource, 'group' | 'version' | 'plural' | 'verbs'>,
    objects: readonly KubeObject[],
  ): Promise<void> {
    const { client } = this.#context;
    if (resource.verbs.includes('deletecollection')) {
      await client.deleteCollection(resource, { namespace: this.#namespace, propagationPolicy: 'Background' });
      return;
    }
    await inTurn(objects, PARALLEL, async ({ metadata: { name = '', namespace, uid } }) => {
      await client
        .delete(resource, { namespace, name }, { preconditions: { uid }, propagationPolicy: 'Background' })
        .catch((error: unknown) => {
          if (!isNotFound(error) && !isConflict(error)) throw error;
        });
    });
  }
}

const isPods = (resource: CataloguedResource): boolean => resource.group === '' && resource.plural === 'pods';

/** All of them, so many at a time. */
const inTurn = async <T>(items: readonly T[], parallel: number, work: (item: T) => Promise<void>): Promise<void> => {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
};

const undefinedIfGone = (error: unknown): undefined => {
  if (isNotFound(error)) return undefined;
  throw error;
};
