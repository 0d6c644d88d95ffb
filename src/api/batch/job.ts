import { defineKind, STATUS } from '../define-kind.ts';

export const job = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  defaultPropagation: 'Orphan',
});
