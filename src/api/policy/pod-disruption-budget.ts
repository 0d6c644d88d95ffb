import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { PodDisruptionBudget } from '../types/policy-v1.ts';

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
  columns: [
    column(
      'Min Available',
      cellOf<PodDisruptionBudget>(({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    ),
    column(
      'Max Unavailable',
      cellOf<PodDisruptionBudget>(({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    ),
    column(
      'Allowed Disruptions',
      cellOf<PodDisruptionBudget>(({ status }) => status?.disruptionsAllowed ?? 0),
      { type: 'integer' },
    ),
    ageColumn,
  ],
});
