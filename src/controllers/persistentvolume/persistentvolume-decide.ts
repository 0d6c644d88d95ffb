import type { Stored } from '../../api/meta/object.ts';
import { compareQuantities } from '../../api/meta/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import { isEmptySelector, selects } from '../label-selector.ts';

type Claim = Stored<PersistentVolumeClaim>;
type Volume = Stored<PersistentVolume>;

export const classOf = (object: { metadata: { annotations?: Record<string, string> }; spec?: { storageClassName?: string } }): string =>
  object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec?.storageClassName ?? '';

export const capacityOf = (volume: PersistentVolume): string => String(volume.spec?.capacity?.['storage'] ?? '0');

/** The volume for a claim: the one reserved for it, or else the smallest that satisfies it. */
export const volumeFor = (claim: Claim, volumes: readonly Volume[]): Volume | undefined => {
  const reserved = volumes.find((volume) => isReservedFor(volume, claim));
  if (reserved) return reserved;
  return volumes
    .filter((volume) => !volume.spec?.claimRef && volume.status?.phase !== 'Failed' && satisfies(volume, claim))
    .sort((a, b) => compareQuantities(capacityOf(a), capacityOf(b)) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))[0];
};

/** By uid, or by name where somebody reserved it beforehand. */
export const isReservedFor = (volume: Volume, claim: Claim): boolean => {
  const reference = volume.spec?.claimRef;
  return (
    reference !== undefined &&
    reference.namespace === claim.metadata.namespace &&
    reference.name === claim.metadata.name &&
    (!reference.uid || reference.uid === claim.metadata.uid)
  );
};

const satisfies = (volume: Volume, claim: Claim): boolean => {
  const { accessModes = [], selector, volumeMode = 'Filesystem', resources } = claim.spec ?? {};
  const wanted = String(resources?.requests?.['storage'] ?? '0');
  return (
    !volume.metadata.deletionTimestamp &&
    classOf(volume) === classOf(claim) &&
    (volume.spec?.volumeMode ?? 'Filesystem') === volumeMode &&
    accessModes.every((mode) => volume.spec?.accessModes?.includes(mode)) &&
    compareQuantities(capacityOf(volume), wanted) >= 0 &&
    (isEmptySelector(selector) || selects(selector, volume.metadata.labels))
  );
};
