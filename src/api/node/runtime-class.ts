import { defineKind } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { RuntimeClass } from '../types/node-v1.ts';

export const runtimeClass = defineKind({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  namespaced: false,
  columns: [
    column(
      'Handler',
      cellOf<RuntimeClass>(({ handler }) => handler),
    ),
    ageColumn,
  ],
});
