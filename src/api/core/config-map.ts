import { defineKind } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { ConfigMap } from '../types/core-v1.ts';
import { validateConfigMap, validateConfigMapUpdate } from './validation/configuration.ts';

export const configMap = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
  columns: [
    column(
      'Data',
      cellOf<ConfigMap>(({ data, binaryData }) => String(Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length)),
    ),
    ageColumn,
  ],
});
