import { controllerRevision as revisions } from '../api/apps/controller-revision.ts';
import { semanticEqual } from '../api/meta/equality.ts';
import type { Stored } from '../api/meta/object.ts';
import { isAlreadyExists, isNotFound } from '../api/meta/status.ts';
import type { ControllerRevision } from '../api/types/apps-v1.ts';
import type { PodTemplateSpec } from '../api/types/core-v1.ts';
import type { LabelSelector } from '../api/types/meta-v1.ts';
import type { InformerReads } from '../client/informer/informer.ts';
import { claimObjects, indexByController } from './claim-objects.ts';
import type { ControllerContext } from './controller.ts';
import { controllerRefTo } from './pods.ts';
import { canonicalJson, templateHash } from './template-hash.ts';

export const REVISION_HASH = 'controller-revision-hash';

interface Owner {
  spec?: { selector: LabelSelector; template: PodTemplateSpec; revisionHistoryLimit?: number };
  status?: { collisionCount?: number };
}

type OwnerKind = { group: string; version: string; plural: string; kind: string };

/** The templates that a DaemonSet or StatefulSet has had, as ControllerRevisions: what `rollout undo` goes back to. */
export class ControllerHistory {
  readonly #context: ControllerContext;
  readonly #kind: OwnerKind;
  readonly informer: InformerReads<ControllerRevision>;

  constructor(context: ControllerContext, kind: OwnerKind) {
    this.#context = context;
    this.#kind = kind;
    this.informer = context.informers.of<ControllerRevision>(revisions);
    indexByController(this.informer);
  }

  /** All of the owner's revisions, oldest first, with that of the current template last; made when there is none. */
  async upToDate(owner: Stored<Owner>): Promise<{ current: Stored<ControllerRevision>; all: Stored<ControllerRevision>[] }> {
    const claimed = await claimObjects({
      client: this.#context.client,
      resource: revisions,
      informer: this.informer,
      ownerResource: this.#kind,
      ownerKind: this.#kind,
      owner,
      selector: owner.spec?.selector,
    });
    const all = claimed.sort((a, b) => a.revision - b.revision);
    // Clients compare these bytes with what they make of the template, with its keys in order.
    const data: unknown = JSON.parse(canonicalJson({ spec: { template: { ...owner.spec?.template, $patch: 'replace' } } }));
    const known = all.findLast((revision) => semanticEqual(revision.data, data));
    const newest = (all.at(-1)?.revision ?? 0) + 1;
    if (known && known === all.at(-1)) return { current: known, all };
    const current = known ? await this.#renumber(known, newest) : await this.#create(owner, data, newest);
    return { current, all: [...all.filter((revision) => revision !== known), current] };
  }

  /** Beyond the limit, the oldest go; never one that pods still have. */
  async truncate(owner: Stored<Owner>, all: readonly Stored<ControllerRevision>[], inUse: ReadonlySet<string>): Promise<void> {
    const idle = all.filter((revision) => !inUse.has(revision.metadata.name ?? ''));
    const limit = owner.spec?.revisionHistoryLimit ?? 10;
    for (const revision of idle.slice(0, Math.max(0, idle.length - limit))) {
      const { namespace, name = '', uid } = revision.metadata;
      await this.#context.client.delete(revisions, { namespace, name }, { preconditions: { uid } }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
  }

  #renumber(revision: Stored<ControllerRevision>, number: number): Promise<Stored<ControllerRevision>> {
    return this.#context.client.update(revisions, { ...revision, revision: number });
  }

  async #create(owner: Stored<Owner>, data: unknown, number: number): Promise<Stored<ControllerRevision>> {
    const { client } = this.#context;
    const hash = templateHash(data, owner.status?.collisionCount);
    const name = `${owner.metadata.name}-${hash}`;
    const { namespace } = owner.metadata;
    try {
      return await client.create<Stored<ControllerRevision>>(revisions, {
        apiVersion: 'apps/v1',
        kind: 'ControllerRevision',
        metadata: {
          name,
          namespace,
          labels: { ...owner.spec?.template.metadata?.labels, [REVISION_HASH]: hash },
          ownerReferences: [controllerRefTo(this.#kind, owner)],
        },
        data,
        revision: number,
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const existing = await client.get<Stored<ControllerRevision>>(revisions, { namespace, name });
      if (!semanticEqual(existing.data, data)) throw error;
      return existing;
    }
  }
}
