import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { ValidatingAdmissionPolicy } from '../types/admissionregistration-v1.ts';
import { validatingPolicyErrors } from './policy-validation.ts';
import { setMatchDefaults } from './webhook-defaults.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<ValidatingAdmissionPolicy>(object);
  if (!spec) return;
  spec.failurePolicy ??= 'Fail';
  setMatchDefaults(spec.matchConstraints);
};

export const validatingAdmissionPolicy = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  setDefaults,
  validate: (object) => validatingPolicyErrors(as<ValidatingAdmissionPolicy>(object).spec),
  columns: [
    column(
      'Validations',
      cellOf<ValidatingAdmissionPolicy>(({ spec }) => spec?.validations?.length ?? 0),
      { type: 'integer' },
    ),
    column(
      'ParamKind',
      cellOf<ValidatingAdmissionPolicy>(({ spec }) =>
        spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : '<unset>',
      ),
    ),
    ageColumn,
  ],
});
