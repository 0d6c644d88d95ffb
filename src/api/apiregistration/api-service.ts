import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { APIService } from '../types/apiregistration-v1.ts';

const HTTPS_PORT = 443;

const setDefaults = (object: KubeObject): void => {
  const service = as<APIService>(object).spec?.service;
  if (service) service.port ??= HTTPS_PORT;
};

const available = cellOf<APIService>(({ status }) => {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  if (!condition) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason})`;
});

export const apiService = defineKind({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  categories: ['api-extensions'],
  namespaced: false,
  subresources: {
    status: STATUS,
  },
  setDefaults,
  columns: [
    column(
      'Service',
      cellOf<APIService>(({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local')),
    ),
    column('Available', available),
    ageColumn,
  ],
});
