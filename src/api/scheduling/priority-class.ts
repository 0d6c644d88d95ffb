import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { PriorityClass } from '../types/scheduling-v1.ts';

const setDefaults = (object: KubeObject): void => {
  as<PriorityClass>(object).preemptionPolicy ??= 'PreemptLowerPriority';
};

export const priorityClass = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  hasGeneration: true,
  setDefaults,
  columns: [
    column(
      'Value',
      cellOf<PriorityClass>(({ value }) => value ?? 0),
      { type: 'integer' },
    ),
    column(
      'Global-Default',
      cellOf<PriorityClass>(({ globalDefault }) => globalDefault ?? false),
      { type: 'boolean' },
    ),
    ageColumn,
    column(
      'PreemptionPolicy',
      cellOf<PriorityClass>(({ preemptionPolicy }) => preemptionPolicy ?? ''),
    ),
  ],
});
