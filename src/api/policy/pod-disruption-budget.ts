import { checkAtMost100Percent, checkIntOrPercent } from '../apps/validation/template.ts';
import { defineKind, STATUS } from '../define-kind.ts';
import { checkLabelSelector, checkOptionalOneOf } from '../meta/checks.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import { type FieldError, invalid } from '../meta/field-error.ts';
import type { KubeObject } from '../meta/object.ts';
import type { PodDisruptionBudget } from '../types/policy-v1.ts';

const validate = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = as<PodDisruptionBudget>(object).spec ?? {};
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const shown = {
      MinAvailable: minAvailable,
      Selector: selector ?? null,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: unhealthyPodEvictionPolicy ?? null,
    };
    errors.push(invalid('spec', shown, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const [field, value] of Object.entries({ minAvailable, maxUnavailable })) {
    if (value === undefined) continue;
    checkIntOrPercent(errors, `spec.${field}`, value);
    checkAtMost100Percent(errors, `spec.${field}`, value);
  }
  checkLabelSelector(errors, 'spec.selector', selector);
  checkOptionalOneOf(errors, 'spec.unhealthyPodEvictionPolicy', unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']);
  return errors;
};

export const podDisruptionBudget = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  validate,
  columns: [
    column(
      'Min Available',
      cellOf<PodDisruptionBudget>(({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    ),
    column(
      'Max Unavailable',
      cellOf<PodDisruptionBudget>(({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    ),
    column(
      'Allowed Disruptions',
      cellOf<PodDisruptionBudget>(({ status }) => status?.disruptionsAllowed ?? 0),
      { type: 'integer' },
    ),
    ageColumn,
  ],
});
