import { defineKind } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { VolumeAttributesClass } from '../types/storage-v1.ts';

export const volumeAttributesClass = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  shortNames: ['vac'],
  namespaced: false,
  columns: [
    column(
      'DriverName',
      cellOf<VolumeAttributesClass>(({ driverName }) => driverName),
    ),
    ageColumn,
  ],
});
