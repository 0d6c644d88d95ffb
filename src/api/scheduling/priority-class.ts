import { defineKind } from '../define-kind.ts';
import { checkOptionalOneOf } from '../meta/checks.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import { type FieldError, forbidden, invalid } from '../meta/field-error.ts';
import type { KubeObject } from '../meta/object.ts';
import type { PriorityClass } from '../types/scheduling-v1.ts';

const setDefaults = (object: KubeObject): void => {
  as<PriorityClass>(object).preemptionPolicy ??= 'PreemptLowerPriority';
};

const MAX_USER_PRIORITY = 1_000_000_000;
const SYSTEM: Readonly<Record<string, number>> = { 'system-cluster-critical': 2_000_000_000, 'system-node-critical': 2_000_001_000 };
const RESERVED = "priority class names with 'system-' prefix are reserved for system use only. error:";

const validate = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { metadata, value = 0, preemptionPolicy } = as<PriorityClass>(object);
  const { name = '' } = metadata;
  if (name.startsWith('system-')) {
    const known = SYSTEM[name];
    if (known === undefined) errors.push(forbidden('metadata.name', `${RESERVED} ${name} is not a known system priority class`));
    else if (known !== value) errors.push(forbidden('metadata.name', `${RESERVED} value of ${name} PriorityClass must be ${known}`));
  } else if (value > MAX_USER_PRIORITY)
    errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${MAX_USER_PRIORITY}`));
  checkOptionalOneOf(errors, 'preemptionPolicy', preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  return errors;
};

const validateUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const [now, was] = [as<PriorityClass>(object), as<PriorityClass>(old)];
  const errors: FieldError[] = [];
  if ((now.value ?? 0) !== (was.value ?? 0)) errors.push(forbidden('value', 'may not be changed in an update.'));
  if (now.preemptionPolicy !== was.preemptionPolicy) errors.push(invalid('preemptionPolicy', now.preemptionPolicy, 'field is immutable'));
  return errors;
};

export const priorityClass = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  hasGeneration: true,
  setDefaults,
  validate,
  validateUpdate,
  columns: [
    column(
      'Value',
      cellOf<PriorityClass>(({ value }) => value ?? 0),
      { type: 'integer' },
    ),
    column(
      'Global-Default',
      cellOf<PriorityClass>(({ globalDefault }) => globalDefault ?? false),
      { type: 'boolean' },
    ),
    ageColumn,
    column(
      'PreemptionPolicy',
      cellOf<PriorityClass>(({ preemptionPolicy }) => preemptionPolicy ?? ''),
    ),
  ],
});
