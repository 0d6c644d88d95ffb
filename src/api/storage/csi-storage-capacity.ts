import { defineKind } from '../define-kind.ts';
import { column } from '../meta/columns.ts';

export const csiStorageCapacity = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  namespaced: true,
  columns: [column('Created At', (object) => object.metadata.creationTimestamp ?? '', { type: 'date' })],
});
