import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { ResourceClaim } from '../types/resource-v1.ts';

const state = cellOf<ResourceClaim>(({ metadata, status }) => {
  const deleted = metadata.deletionTimestamp !== undefined;
  if (!status?.allocation) return deleted ? 'deleted' : 'pending';
  return [...(deleted ? ['deleted'] : []), 'allocated', ...(status.reservedFor?.length ? ['reserved'] : [])].join(',');
});

export const resourceClaim = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  namespaced: true,
  subresources: {
    status: STATUS,
  },
  columns: [column('State', state), ageColumn],
});
