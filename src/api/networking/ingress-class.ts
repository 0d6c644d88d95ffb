import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, nameColumn } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { IngressClass } from '../types/networking-v1.ts';
import { validateIngressClass, validateIngressClassUpdate } from './validation/networking.ts';

const setDefaults = (object: KubeObject): void => {
  const parameters = as<IngressClass>(object).spec?.parameters;
  if (parameters) parameters.scope ??= 'Cluster';
};

const isDefault = (object: KubeObject): boolean => object.metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';

const parametersCell = cellOf<IngressClass>(({ spec }) => {
  const parameters = spec?.parameters;
  return parameters ? `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}` : '<none>';
});

export const ingressClass = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  hasGeneration: true,
  setDefaults,
  columnsAreWholeRow: true,
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
  columns: [
    { ...nameColumn, cell: (object) => `${object.metadata.name}${isDefault(object) ? ' (default)' : ''}` },
    column(
      'Controller',
      cellOf<IngressClass>(({ spec }) => spec?.controller ?? ''),
    ),
    column('Parameters', parametersCell),
    ageColumn,
  ],
});
