import { validateStorageClass, validateStorageClassUpdate } from '../core/validation/storage.ts';
import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, nameColumn } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { StorageClass } from '../types/storage-v1.ts';

const setDefaults = (object: KubeObject): void => {
  const storageClass = as<StorageClass>(object);
  storageClass.reclaimPolicy ??= 'Delete';
  storageClass.volumeBindingMode ??= 'Immediate';
};

const isDefault = (object: KubeObject): boolean =>
  object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ||
  object.metadata.annotations?.['storageclass.beta.kubernetes.io/is-default-class'] === 'true';

export const storageClass = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  namespaced: false,
  setDefaults,
  columnsAreWholeRow: true,
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
  columns: [
    { ...nameColumn, cell: (object) => `${object.metadata.name}${isDefault(object) ? ' (default)' : ''}` },
    column(
      'Provisioner',
      cellOf<StorageClass>(({ provisioner }) => provisioner),
    ),
    column(
      'ReclaimPolicy',
      cellOf<StorageClass>(({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
    ),
    column(
      'VolumeBindingMode',
      cellOf<StorageClass>(({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate'),
    ),
    column(
      'AllowVolumeExpansion',
      cellOf<StorageClass>(({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
    ),
    ageColumn,
  ],
});
