import { defineKind } from '../define-kind.ts';
import { as, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { ComponentStatus } from '../types/core-v1.ts';

const healthy = (object: KubeObject) => as<ComponentStatus>(object).conditions?.find((condition) => condition.type === 'Healthy');

export const componentStatus = defineKind({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  shortNames: ['cs'],
  namespaced: false,
  verbs: ['get', 'list'],
  columns: [
    column('Status', (object) => ({ True: 'Healthy', False: 'Unhealthy' })[healthy(object)?.status ?? ''] ?? 'Unknown'),
    column('Message', (object) => healthy(object)?.message ?? ''),
    column('Error', (object) => healthy(object)?.error ?? ''),
  ],
});
