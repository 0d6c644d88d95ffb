import { defineKind } from '../define-kind.ts';
import { cellOf, column } from '../meta/columns.ts';
import type { CSIStorageCapacity } from '../types/storage-v1.ts';

export const csiStorageCapacity = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  namespaced: true,
  columns: [
    column(
      'StorageClassName',
      cellOf<CSIStorageCapacity>(({ storageClassName }) => storageClassName),
    ),
    column(
      'Capacity',
      cellOf<CSIStorageCapacity>(({ capacity }) => String(capacity ?? '<unset>')),
    ),
  ],
});
