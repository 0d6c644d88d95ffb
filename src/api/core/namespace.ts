import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import { dnsLabelProblems } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Namespace } from '../types/core-v1.ts';
import { validateNamespace } from './validation/cluster.ts';

/** Every namespace carries its own name as a label: selectors find it by that. */
const setDefaults = (object: KubeObject): void => {
  const { metadata } = object;
  if (metadata.name) metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
};

const prepareForCreate = (object: KubeObject): void => {
  const namespace = as<Namespace>(object);
  namespace.status = { phase: 'Active' };
  namespace.spec ??= {};
  const finalizers = namespace.spec.finalizers ?? [];
  namespace.spec.finalizers = finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'];
};

/** Only `/finalize` takes finalizers of the spec away. */
const prepareForUpdate = (object: KubeObject, old: KubeObject): void => {
  const [namespace, before] = [as<Namespace>(object), as<Namespace>(old)];
  if (before.spec?.finalizers) namespace.spec = { ...namespace.spec, finalizers: before.spec.finalizers };
};

export const namespace = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: {
    finalize: { verbs: ['update'] },
    status: STATUS,
  },
  setDefaults,
  prepareForCreate,
  prepareForUpdate,
  nameCheck: dnsLabelProblems,
  selectableFields: { 'status.phase': (object) => as<Namespace>(object).status?.phase ?? '', name: (object) => object.metadata.name ?? '' },
  validate: validateNamespace,
  columns: [
    column(
      'Status',
      cellOf<Namespace>(({ status }) => status?.phase ?? ''),
    ),
    ageColumn,
  ],
});
