import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { ResourceSlice } from '../types/resource-v1.ts';

export const resourceSlice = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  namespaced: false,
  selectableFields: {
    'spec.nodeName': (object) => as<ResourceSlice>(object).spec?.nodeName ?? '',
    'spec.driver': (object) => as<ResourceSlice>(object).spec?.driver ?? '',
  },
  columns: [
    column(
      'Node',
      cellOf<ResourceSlice>(({ spec }) => spec?.nodeName ?? ''),
    ),
    column(
      'Driver',
      cellOf<ResourceSlice>(({ spec }) => spec?.driver ?? ''),
    ),
    column(
      'Pool',
      cellOf<ResourceSlice>(({ spec }) => spec?.pool?.name ?? ''),
    ),
    ageColumn,
  ],
});
