import { defineKind } from '../define-kind.ts';
import { checkText } from '../meta/checks.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import { type FieldError, invalid } from '../meta/field-error.ts';
import { dnsLabelProblems } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import type { RuntimeClass } from '../types/node-v1.ts';

const validate = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  checkText(errors, 'handler', as<RuntimeClass>(object).handler, dnsLabelProblems);
  return errors;
};

const validateUpdate = (object: KubeObject, old: KubeObject): FieldError[] =>
  object['handler'] === old['handler'] ? [] : [invalid('handler', object['handler'], 'field is immutable')];

export const runtimeClass = defineKind({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  namespaced: false,
  validate,
  validateUpdate,
  columns: [
    column(
      'Handler',
      cellOf<RuntimeClass>(({ handler }) => handler),
    ),
    ageColumn,
  ],
});
