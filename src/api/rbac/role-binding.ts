import { defineKind } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import { pathSegmentProblems } from '../meta/names.ts';
import type { RoleBinding } from '../types/rbac-v1.ts';
import { setBindingDefaults, subjectColumns } from './subjects.ts';
import { validateRoleBinding, validateRoleBindingUpdate } from './validation.ts';

export const roleBinding = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  nameCheck: pathSegmentProblems,
  setDefaults: setBindingDefaults,
  validate: validateRoleBinding,
  validateUpdate: validateRoleBindingUpdate,
  columns: [
    column(
      'Role',
      cellOf<RoleBinding>(({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
    ),
    ageColumn,
    ...subjectColumns,
  ],
});
