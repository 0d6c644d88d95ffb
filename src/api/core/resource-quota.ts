import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { ResourceQuota } from '../types/core-v1.ts';
import { validateResourceQuota } from './validation/cluster.ts';

const amounts = (limits: boolean) =>
  cellOf<ResourceQuota>(({ status }) =>
    Object.keys(status?.hard ?? {})
      .filter((name) => name.startsWith('limits.') === limits)
      .sort()
      .map((name) => `${name}: ${status?.used?.[name] ?? 0}/${status?.hard?.[name]}`)
      .join(', '),
  );

export const resourceQuota = defineKind({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  namespaced: true,
  subresources: {
    status: STATUS,
  },
  validate: validateResourceQuota,
  columns: [column('Request', amounts(false)), column('Limit', amounts(true)), ageColumn],
});
