import { defineKind } from '../define-kind.ts';
import { checkNonNegative, checkPositive } from '../meta/checks.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { FieldError } from '../meta/field-error.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Lease } from '../types/coordination-v1.ts';

const validate = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<Lease>(object).spec;
  checkPositive(errors, 'spec.leaseDurationSeconds', spec?.leaseDurationSeconds);
  checkNonNegative(errors, 'spec.leaseTransitions', spec?.leaseTransitions);
  return errors;
};

export const lease = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  validate,
  columns: [
    column(
      'Holder',
      cellOf<Lease>(({ spec }) => spec?.holderIdentity ?? ''),
    ),
    ageColumn,
  ],
});
