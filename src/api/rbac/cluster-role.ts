import { defineKind } from '../define-kind.ts';
import { column } from '../meta/columns.ts';
import { pathSegmentProblems } from '../meta/names.ts';
import { validateClusterRole } from './validation.ts';

export const clusterRole = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  nameCheck: pathSegmentProblems,
  validate: validateClusterRole,
  columns: [column('Created At', (object) => object.metadata.creationTimestamp ?? '', { type: 'date' })],
});
