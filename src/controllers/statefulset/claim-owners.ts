import { statefulSet as statefulSets } from '../../api/apps/stateful-set.ts';
import { pod as pods } from '../../api/core/pod.ts';
import type { Kind } from '../../api/kind.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { StatefulSet } from '../../api/types/apps-v1.ts';
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import { controllerRefTo } from '../pods.ts';

export interface ClaimOf {
  set: Stored<StatefulSet>;
  ordinal: number;
  /** The pod that uses the claim; its name alone where it is not made yet. */
  pod: { metadata: { name?: string; uid?: string } };
  claim: Stored<PersistentVolumeClaim>;
}

/**
 * The owners that a claim is to have by the set's retention policy, or undefined where nothing is to change. The garbage collector then
 * removes the claim with its owner: with the set, or with the pod that scaling down takes.
 */
export const claimOwners = (about: ClaimOf): OwnerReference[] | undefined => {
  const { set, ordinal, pod, claim } = about;
  const owners = claim.metadata.ownerReferences ?? [];
  const ours = [...owners.filter((owner) => isNamed(owner, statefulSets, set)), ...owners.filter((owner) => isNamed(owner, pods, pod))];
  // The set or the pod before this one, of the same name, is its owner: the claim goes with that one.
  if (ours.some(({ uid }) => uid !== set.metadata.uid && uid !== pod.metadata.uid)) return undefined;
  const others = owners.filter((owner) => !ours.includes(owner));
  const wanted = others.some(({ controller }) => controller) ? [] : ownersByPolicy(set, ordinal, pod);
  const isRight =
    ours.length === wanted.length && ours.every(({ uid, controller }) => controller && wanted.some((owner) => owner.uid === uid));
  return isRight ? undefined : [...others, ...wanted];
};

/** A claim that is going, or goes with the pod before this one: no pod is to be made on it. */
export const isLeaving = ({ set, pod, claim }: ClaimOf): boolean =>
  claim.metadata.deletionTimestamp !== undefined ||
  (policyOf(set).whenScaled === 'Delete' &&
    (claim.metadata.ownerReferences ?? []).some((owner) => isNamed(owner, pods, pod) && owner.uid !== pod.metadata.uid));

/** Who owns a claim that is made now. */
export const ownersByPolicy = (set: Stored<StatefulSet>, ordinal: number, pod: ClaimOf['pod']): OwnerReference[] => {
  const { whenDeleted, whenScaled } = policyOf(set);
  const { replicas = 1, ordinals } = set.spec ?? {};
  const start = ordinals?.start ?? 0;
  const isScaledAway = ordinal < start || ordinal >= start + replicas;
  if (isScaledAway && whenScaled === 'Delete') return pod.metadata.uid ? [controllerRefTo(pods, pod as Stored<object>)] : [];
  return whenDeleted === 'Delete' ? [controllerRefTo(statefulSets, set)] : [];
};

const policyOf = (set: Stored<StatefulSet>) => set.spec?.persistentVolumeClaimRetentionPolicy ?? {};

const isNamed = (owner: OwnerReference, { group, kind }: Pick<Kind, 'group' | 'kind'>, named: ClaimOf['pod']): boolean =>
  owner.kind === kind &&
  owner.name === named.metadata.name &&
  (owner.apiVersion.split('/').length > 1 ? owner.apiVersion.split('/')[0] : '') === group;
