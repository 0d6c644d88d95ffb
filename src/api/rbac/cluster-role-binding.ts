import { defineKind } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import { pathSegmentProblems } from '../meta/names.ts';
import type { ClusterRoleBinding } from '../types/rbac-v1.ts';
import { setBindingDefaults, subjectColumns } from './subjects.ts';
import { validateClusterRoleBinding, validateClusterRoleBindingUpdate } from './validation.ts';

export const clusterRoleBinding = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  nameCheck: pathSegmentProblems,
  setDefaults: setBindingDefaults,
  validate: validateClusterRoleBinding,
  validateUpdate: validateClusterRoleBindingUpdate,
  columns: [
    column(
      'Role',
      cellOf<ClusterRoleBinding>(({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
    ),
    ageColumn,
    ...subjectColumns,
  ],
});
