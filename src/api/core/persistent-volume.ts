import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, wideColumn } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { PersistentVolume } from '../types/core-v1.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from './validation/storage.ts';

const setDefaults = (object: KubeObject): void => {
  const volume = as<PersistentVolume>(object);
  if (volume.status) volume.status.phase ||= 'Pending';
  const { spec } = volume;
  if (!spec) return;
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  if (spec.hostPath) spec.hostPath.type ??= '';
};

const prepareForCreate = (object: KubeObject): void => {
  as<PersistentVolume>(object).status = { phase: 'Pending' };
};

const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

/** `RWO,ROX`, in upstream's order. */
export const accessModesText = (modes: readonly string[] | undefined): string =>
  Object.keys(MODES)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => MODES[mode])
    .join(',');

const claim = cellOf<PersistentVolume>(({ spec }) =>
  spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '',
);
const phase = cellOf<PersistentVolume>(({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')));
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export const persistentVolume = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  subresources: {
    status: STATUS,
  },
  setDefaults,
  prepareForCreate,
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  columns: [
    column(
      'Capacity',
      cellOf<PersistentVolume>(({ spec }) => String(spec?.capacity?.['storage'] ?? '0')),
    ),
    column(
      'Access Modes',
      cellOf<PersistentVolume>(({ spec }) => accessModesText(spec?.accessModes)),
    ),
    column(
      'Reclaim Policy',
      cellOf<PersistentVolume>(({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
    ),
    column('Status', phase),
    column('Claim', claim),
    column(
      'StorageClass',
      cellOf<PersistentVolume>(({ metadata, spec }) => metadata.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? ''),
    ),
    column(
      'VolumeAttributesClass',
      cellOf<PersistentVolume>(({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    ),
    column(
      'Reason',
      cellOf<PersistentVolume>(({ status }) => status?.reason ?? ''),
    ),
    ageColumn,
    wideColumn(
      'VolumeMode',
      cellOf<PersistentVolume>(({ spec }) => spec?.volumeMode ?? '<unset>'),
    ),
  ],
});
