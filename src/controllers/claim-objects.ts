import type { ResourceName, Stored } from '../api/meta/object.ts';
import { conflict, hasReason, isNotFound } from '../api/meta/status.ts';
import type { LabelSelector, OwnerReference } from '../api/types/meta-v1.ts';
import type { Client } from '../client/client.ts';
import type { InformerReads } from '../client/informer/informer.ts';
import { selects } from './label-selector.ts';
import { controllerRefOf, controllerRefTo } from './pods.ts';

/** Index of what each controller owns and of what nobody owns; for `claimObjects`. */
export const BY_CONTROLLER = 'controller';

export const indexByController = <T>(informer: InformerReads<T>): void =>
  informer.addIndex(BY_CONTROLLER, (object) => {
    const owner = controllerRefOf(object);
    return [owner ? owner.uid : `orphans of ${object.metadata.namespace}`];
  });

export interface Claim<T> {
  client: Client;
  /** What is claimed: pods, ReplicaSets. */
  resource: ResourceName;
  informer: InformerReads<T>;
  ownerResource: ResourceName;
  ownerKind: { group: string; version: string; kind: string };
  owner: Stored<object>;
  selector: LabelSelector | undefined;
  /** Only these may be adopted, beyond what the selector says. */
  mayAdopt?: (object: Stored<T>) => boolean;
  /** Put on what is adopted and taken off what is released. */
  finalizer?: string;
}

/**
 * The objects that the owner controls, after adopting orphans that match its selector and releasing its own that no longer do.
 * Adoption asks the server first whether the owner still lives under this uid; throws a Conflict when it does not.
 */
export const claimObjects = async <T>(claim: Claim<T>): Promise<Stored<T>[]> => {
  const { informer, owner, selector, mayAdopt = () => true } = claim;
  const { uid = '', namespace, deletionTimestamp } = owner.metadata;
  const claimed: Stored<T>[] = [];
  for (const object of informer.byIndex(BY_CONTROLLER, uid)) {
    if (selects(selector, object.metadata.labels)) claimed.push(object);
    else if (!deletionTimestamp) await release(claim, object);
  }
  if (deletionTimestamp) return claimed;
  let owned: boolean | undefined;
  for (const object of informer.byIndex(BY_CONTROLLER, `orphans of ${namespace}`)) {
    if (object.metadata.deletionTimestamp || !selects(selector, object.metadata.labels) || !mayAdopt(object)) continue;
    owned ??= await stillLives(claim);
    // What was decided on from here would rest on an owner that is no more: the caller comes again when it sees that too.
    if (!owned) throw conflict(claim.ownerResource, owner.metadata.name ?? '', 'it is being deleted, or another has its name');
    const adopted = await adopt(claim, object);
    if (adopted) claimed.push(adopted);
  }
  return claimed;
};

const stillLives = async <T>(claim: Claim<T>): Promise<boolean> => {
  const { client, ownerResource, owner } = claim;
  const { name = '', namespace, uid } = owner.metadata;
  try {
    const live = await client.get<Stored<object>>(ownerResource, { namespace, name });
    return live.metadata.uid === uid && !live.metadata.deletionTimestamp;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
};

const adopt = async <T>(claim: Claim<T>, object: Stored<T>): Promise<Stored<T> | undefined> => {
  const { client, resource, ownerKind, owner, finalizer } = claim;
  const { name = '', namespace, uid, ownerReferences = [], finalizers = [], resourceVersion } = object.metadata;
  const held = finalizer && !finalizers.includes(finalizer) ? { finalizers: [...finalizers, finalizer], resourceVersion } : {};
  const reference: OwnerReference = controllerRefTo(ownerKind, owner);
  try {
    return await client.patch<Stored<T>>(
      resource,
      { namespace, name },
      { metadata: { uid, ownerReferences: [...ownerReferences, reference], ...held } },
      { type: 'application/merge-patch+json' },
    );
  } catch (error) {
    // Gone, or another controller was quicker (two controllers are Invalid): not ours, and the cache will say so.
    if (isNotFound(error) || hasReason(error, 'Conflict') || hasReason(error, 'Invalid')) return undefined;
    throw error;
  }
};

const release = async <T>(claim: Claim<T>, object: Stored<T>): Promise<void> => {
  const { client, resource, owner, finalizer } = claim;
  const { name = '', namespace, uid, ownerReferences = [], finalizers = [], resourceVersion } = object.metadata;
  const freed =
    finalizer && finalizers.includes(finalizer) ? { finalizers: finalizers.filter((other) => other !== finalizer), resourceVersion } : {};
  const kept = ownerReferences.filter((reference) => reference.uid !== owner.metadata.uid);
  try {
    await client.patch(
      resource,
      { namespace, name },
      { metadata: { uid, ownerReferences: kept.length > 0 ? kept : null, ...freed } },
      { type: 'application/merge-patch+json' },
    );
  } catch (error) {
    // Gone, or made again under the same name: nothing to release.
    if (!isNotFound(error) && !hasReason(error, 'Conflict') && !hasReason(error, 'Invalid')) throw error;
  }
};
