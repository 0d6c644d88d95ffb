import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { PriorityLevelConfiguration } from '../types/flowcontrol-v1.ts';

export const priorityLevelConfiguration = defineKind({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  columns: [
    column(
      'Type',
      cellOf<PriorityLevelConfiguration>(({ spec }) => spec?.type ?? ''),
    ),
    column(
      'NominalConcurrencyShares',
      cellOf<PriorityLevelConfiguration>(({ spec }) => spec?.limited?.nominalConcurrencyShares ?? '<none>'),
    ),
    column(
      'Queues',
      cellOf<PriorityLevelConfiguration>(({ spec }) => spec?.limited?.limitResponse?.queuing?.queues ?? '<none>'),
    ),
    column(
      'HandSize',
      cellOf<PriorityLevelConfiguration>(({ spec }) => spec?.limited?.limitResponse?.queuing?.handSize ?? '<none>'),
    ),
    column(
      'QueueLengthLimit',
      cellOf<PriorityLevelConfiguration>(({ spec }) => spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? '<none>'),
    ),
    ageColumn,
  ],
});
