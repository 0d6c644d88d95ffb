import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { MutatingAdmissionPolicyBinding } from '../types/admissionregistration-v1.ts';
import { bindingErrors } from './policy-validation.ts';
import { setMatchDefaults } from './webhook-defaults.ts';

const setDefaults = (object: KubeObject): void => setMatchDefaults(as<MutatingAdmissionPolicyBinding>(object).spec?.matchResources);

const parameters = cellOf<MutatingAdmissionPolicyBinding>(({ spec }) =>
  spec?.paramRef?.name ? `${spec.paramRef.namespace || '*'}/${spec.paramRef.name}` : '<unset>',
);

export const mutatingAdmissionPolicyBinding = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  plural: 'mutatingadmissionpolicybindings',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  setDefaults,
  validate: (object) => bindingErrors(as<MutatingAdmissionPolicyBinding>(object).spec, false),
  columns: [
    column(
      'PolicyName',
      cellOf<MutatingAdmissionPolicyBinding>(({ spec }) => spec?.policyName ?? ''),
    ),
    column('ParamRef', parameters),
    ageColumn,
  ],
});
