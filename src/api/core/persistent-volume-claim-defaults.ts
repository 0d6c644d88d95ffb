import type { PersistentVolumeClaimSpec } from '../types/core-v1.ts';

/** Also for claim templates of StatefulSets and ephemeral volumes. */
export const setClaimSpecDefaults = (spec: PersistentVolumeClaimSpec): void => {
  spec.volumeMode ??= 'Filesystem';
};
