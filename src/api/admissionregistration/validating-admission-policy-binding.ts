import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { ValidatingAdmissionPolicyBinding } from '../types/admissionregistration-v1.ts';
import { bindingErrors } from './policy-validation.ts';
import { setMatchDefaults } from './webhook-defaults.ts';

const setDefaults = (object: KubeObject): void => setMatchDefaults(as<ValidatingAdmissionPolicyBinding>(object).spec?.matchResources);

const parameters = cellOf<ValidatingAdmissionPolicyBinding>(({ spec }) =>
  spec?.paramRef?.name ? `${spec.paramRef.namespace || '*'}/${spec.paramRef.name}` : '<unset>',
);

export const validatingAdmissionPolicyBinding = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  setDefaults,
  validate: (object) => bindingErrors(as<ValidatingAdmissionPolicyBinding>(object).spec, true),
  columns: [
    column(
      'PolicyName',
      cellOf<ValidatingAdmissionPolicyBinding>(({ spec }) => spec?.policyName ?? ''),
    ),
    column('ParamRef', parameters),
    ageColumn,
  ],
});
