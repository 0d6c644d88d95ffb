import { defineKind } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { ControllerRevision } from '../types/apps-v1.ts';

const controller = cellOf<ControllerRevision>(({ metadata }) => {
  const owner = metadata.ownerReferences?.find((reference) => reference.controller);
  if (!owner) return '<none>';
  const [group] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  return `${owner.kind.toLowerCase()}${group ? `.${group}` : ''}/${owner.name}`;
});

export const controllerRevision = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  columns: [
    column('Controller', controller),
    column(
      'Revision',
      cellOf<ControllerRevision>(({ revision }) => revision),
    ),
    ageColumn,
  ],
});
