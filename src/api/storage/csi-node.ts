import { defineKind } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { CSINode } from '../types/storage-v1.ts';

export const csiNode = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  namespaced: false,
  columns: [
    column(
      'Drivers',
      cellOf<CSINode>(({ spec }) => spec?.drivers?.length ?? 0),
      { type: 'integer' },
    ),
    ageColumn,
  ],
});
