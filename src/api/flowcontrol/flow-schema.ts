import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { FlowSchema } from '../types/flowcontrol-v1.ts';

export const flowSchema = defineKind({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  namespaced: false,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  columns: [
    column(
      'PriorityLevel',
      cellOf<FlowSchema>(({ spec }) => spec?.priorityLevelConfiguration?.name ?? ''),
    ),
    column(
      'MatchingPrecedence',
      cellOf<FlowSchema>(({ spec }) => spec?.matchingPrecedence ?? 0),
    ),
    column(
      'DistinguisherMethod',
      cellOf<FlowSchema>(({ spec }) => spec?.distinguisherMethod?.type ?? '<none>'),
    ),
    ageColumn,
    column(
      'MissingPL',
      cellOf<FlowSchema>(({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'),
    ),
  ],
});
