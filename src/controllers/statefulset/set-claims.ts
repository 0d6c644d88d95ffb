import { statefulSet as statefulSets } from '../../api/apps/stateful-set.ts';
import { persistentVolumeClaim as claims } from '../../api/core/persistent-volume-claim.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isAlreadyExists, isNotFound } from '../../api/meta/status.ts';
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import type { ControllerContext } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { claimOwners, isLeaving, ownersByPolicy } from './claim-owners.ts';
import { ordinalOf } from './statefulset-decide.ts';

type Owner = Stored<StatefulSet>;

/** The claims of a set's pods: made before their pod, and owned as the set's retention policy says. */
export class SetClaims {
  readonly #context: ControllerContext;
  readonly #claims: InformerReads<PersistentVolumeClaim>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#claims = context.informers.of<PersistentVolumeClaim>(claims);
  }

  /** Writes owners that are not as the policy wants them; to be called before a pod is taken, whose claims may go with it. */
  async own(set: Owner, owned: readonly Stored<Pod>[]): Promise<void> {
    for (const pod of owned)
      for (const claim of this.#claimsOf(set, ordinalOf(set, pod))) {
        if (claim.metadata.deletionTimestamp) continue;
        const ownerReferences = claimOwners({ set, ordinal: ordinalOf(set, pod), pod, claim });
        if (!ownerReferences) continue;
        const changed = { ...claim, metadata: { ...claim.metadata, ownerReferences } };
        await this.#context.client.update(claims, changed).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      }
  }

  /** Whether the pod of this ordinal has to wait until claims of the one before it are gone. */
  mustWait(set: Owner, ordinal: number): boolean {
    const pod = { metadata: { name: `${set.metadata.name}-${ordinal}` } };
    return this.#claimsOf(set, ordinal).some((claim) => isLeaving({ set, ordinal, pod, claim }));
  }

  async ensure(set: Owner, ordinal: number): Promise<void> {
    const { client, events } = this.#context;
    const { namespace, name: setName } = set.metadata;
    const labels = set.spec?.selector?.matchLabels ?? {};
    const ownerReferences = ownersByPolicy(set, ordinal, { metadata: {} });
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
          ...(ownerReferences.length > 0 ? { ownerReferences } : {}),
        },
        spec: template.spec,
      };
      await client.create(claims, claim).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
      const message = `create Claim ${name} Pod ${setName}-${ordinal} in StatefulSet ${setName} success`;
      events.record(regarding(statefulSets, set), 'Normal', 'SuccessfulCreate', message);
    }
  }

  #claimsOf(set: Owner, ordinal: number): Stored<PersistentVolumeClaim>[] {
    const found = (set.spec?.volumeClaimTemplates ?? []).map((template) =>
      this.#claims.get(`${set.metadata.namespace}/${claimName(template, set, ordinal)}`),
    );
    return found.filter((claim) => claim !== undefined);
  }
}

export const claimName = (template: PersistentVolumeClaim, set: Owner, ordinal: number): string =>
  `${template.metadata?.name}-${set.metadata.name}-${ordinal}`;
