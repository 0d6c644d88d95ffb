import { defineKind } from '../define-kind.ts';
import { checkNonNegative } from '../meta/checks.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import { deepEqual } from '../meta/equality.ts';
import { type FieldError, invalid, required } from '../meta/field-error.ts';
import type { KubeObject } from '../meta/object.ts';
import type { ControllerRevision } from '../types/apps-v1.ts';

const controller = cellOf<ControllerRevision>(({ metadata }) => {
  const owner = metadata.ownerReferences?.find((reference) => reference.controller);
  if (!owner) return '<none>';
  const [group] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
  return `${owner.kind.toLowerCase()}${group ? `.${group}` : ''}/${owner.name}`;
});

const validate = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { revision, data } = as<ControllerRevision>(object);
  checkNonNegative(errors, 'revision', revision);
  if (data === undefined || data === null) errors.push(required('data', 'data is mandatory'));
  return errors;
};

const validateUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validate(object);
  if (!deepEqual(object['data'], old['data'])) errors.push(invalid('data', object['data'], 'field is immutable'));
  return errors;
};

export const controllerRevision = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  validate,
  validateUpdate,
  columns: [
    column('Controller', controller),
    column(
      'Revision',
      cellOf<ControllerRevision>(({ revision }) => revision),
    ),
    ageColumn,
  ],
});
