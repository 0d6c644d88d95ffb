import { defineKind, STATUS } from '../define-kind.ts';
import { as, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { CustomResourceDefinition } from '../types/apiextensions-v1.ts';
import { definitionErrors } from './definition-validation.ts';

const HTTPS_PORT = 443;

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<CustomResourceDefinition>(object);
  if (!spec?.names) return;
  if (spec.names.kind) {
    spec.names.singular ||= spec.names.kind.toLowerCase();
    spec.names.listKind ||= `${spec.names.kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= HTTPS_PORT;
};

const prepareForCreate = (object: KubeObject): void => {
  const { spec } = as<CustomResourceDefinition>(object);
  const stored = (spec?.versions ?? []).filter((version) => version.storage).map((version) => version.name);
  object['status'] = { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: stored };
};

export const customResourceDefinition = defineKind({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  validate: (object) => definitionErrors(as<CustomResourceDefinition>(object)),
  setDefaults,
  prepareForCreate,
  columns: [column('Created At', (object) => object.metadata.creationTimestamp ?? '', { type: 'date' })],
});
