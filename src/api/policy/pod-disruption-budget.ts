import { defineKind, STATUS } from '../define-kind.ts';

export const podDisruptionBudget = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
});
