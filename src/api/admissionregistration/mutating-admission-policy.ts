import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { MutatingAdmissionPolicy } from '../types/admissionregistration-v1.ts';
import { mutatingPolicyErrors } from './policy-validation.ts';
import { setMatchDefaults } from './webhook-defaults.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<MutatingAdmissionPolicy>(object);
  if (!spec) return;
  spec.failurePolicy ??= 'Fail';
  setMatchDefaults(spec.matchConstraints);
};

export const mutatingAdmissionPolicy = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  setDefaults,
  validate: (object) => mutatingPolicyErrors(as<MutatingAdmissionPolicy>(object).spec),
  columns: [
    column(
      'Mutations',
      cellOf<MutatingAdmissionPolicy>(({ spec }) => spec?.mutations?.length ?? 0),
      { type: 'integer' },
    ),
    column(
      'ParamKind',
      cellOf<MutatingAdmissionPolicy>(({ spec }) => (spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : '<unset>')),
    ),
    ageColumn,
  ],
});
