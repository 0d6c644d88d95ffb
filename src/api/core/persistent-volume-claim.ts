import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, wideColumn } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { PersistentVolumeClaim } from '../types/core-v1.ts';
import { accessModesText } from './persistent-volume.ts';
import { setClaimSpecDefaults } from './persistent-volume-claim-defaults.ts';
import { validatePersistentVolumeClaim, validatePersistentVolumeClaimUpdate } from './validation/storage.ts';

const setDefaults = (object: KubeObject): void => {
  const claim = as<PersistentVolumeClaim>(object);
  if (claim.status) claim.status.phase ||= 'Pending';
  if (claim.spec) setClaimSpecDefaults(claim.spec);
};

const prepareForCreate = (object: KubeObject): void => {
  as<PersistentVolumeClaim>(object).status = { phase: 'Pending' };
};

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const phase = cellOf<PersistentVolumeClaim>(({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')));
const capacity = cellOf<PersistentVolumeClaim>(({ spec, status }) =>
  spec?.volumeName ? String(status?.capacity?.['storage'] ?? '0') : '',
);
const modes = cellOf<PersistentVolumeClaim>(({ spec, status }) => (spec?.volumeName ? accessModesText(status?.accessModes) : ''));
const storageClass = cellOf<PersistentVolumeClaim>(
  ({ metadata, spec }) => metadata.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? '',
);

export const persistentVolumeClaim = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  namespaced: true,
  subresources: {
    status: STATUS,
  },
  setDefaults,
  prepareForCreate,
  validate: validatePersistentVolumeClaim,
  validateUpdate: validatePersistentVolumeClaimUpdate,
  columns: [
    column('Status', phase),
    column(
      'Volume',
      cellOf<PersistentVolumeClaim>(({ spec }) => spec?.volumeName ?? ''),
    ),
    column('Capacity', capacity),
    column('Access Modes', modes),
    column('StorageClass', storageClass),
    column(
      'VolumeAttributesClass',
      cellOf<PersistentVolumeClaim>(({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    ),
    ageColumn,
    wideColumn(
      'VolumeMode',
      cellOf<PersistentVolumeClaim>(({ spec }) => spec?.volumeMode ?? '<unset>'),
    ),
  ],
});
