import { defineKind } from '../define-kind.ts';
import { column } from '../meta/columns.ts';
import { pathSegmentProblems } from '../meta/names.ts';
import { validateRole } from './validation.ts';

export const role = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  nameCheck: pathSegmentProblems,
  validate: validateRole,
  columns: [column('Created At', (object) => object.metadata.creationTimestamp ?? '', { type: 'date' })],
});
