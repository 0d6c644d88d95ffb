import { defineKind } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { Lease } from '../types/coordination-v1.ts';

export const lease = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  columns: [
    column(
      'Holder',
      cellOf<Lease>(({ spec }) => spec?.holderIdentity ?? ''),
    ),
    ageColumn,
  ],
});
