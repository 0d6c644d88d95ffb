import { ADMISSION_VARIABLES } from '../cel/cel-program.ts';
import { type FieldError, invalid, notSupported, required } from '../meta/field-error.ts';
import type {
  MatchResources,
  MutatingAdmissionPolicySpec,
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from '../types/admissionregistration-v1.ts';
import { expressionErrors, matchConditionErrors, ruleErrors } from './webhook-validation.ts';

const ACTIONS = ['Audit', 'Deny', 'Warn'];
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const PATCH_TYPES = ['ApplyConfiguration', 'JSONPatch'];

const constraintErrors = (match: MatchResources | undefined): FieldError[] => {
  if (!match) return [required('spec.matchConstraints')];
  if (!match.resourceRules?.length) return [required('spec.matchConstraints.resourceRules')];
  return ruleErrors(match.resourceRules, 'spec.matchConstraints.resourceRules');
};

type Shared = Pick<MutatingAdmissionPolicySpec, 'matchConditions' | 'matchConstraints' | 'variables' | 'paramKind'>;

const sharedErrors = (spec: Shared): FieldError[] => [
  ...constraintErrors(spec.matchConstraints),
  ...matchConditionErrors(spec.matchConditions, 'spec.matchConditions', ADMISSION_VARIABLES),
  ...(spec.variables ?? []).flatMap(({ name, expression }, at) => [
    ...(/^[A-Za-z_]\w*$/.test(name) ? [] : [invalid(`spec.variables[${at}].name`, name, 'must be a valid CEL identifier')]),
    ...expressionErrors(expression, `spec.variables[${at}].expression`, { variables: ADMISSION_VARIABLES }),
  ]),
];

export const validatingPolicyErrors = (spec: ValidatingAdmissionPolicySpec | undefined): FieldError[] => {
  if (!spec) return [required('spec')];
  const errors = sharedErrors(spec);
  if (!spec.validations?.length && !spec.auditAnnotations?.length)
    errors.push(required('spec.validations', 'validations or auditAnnotations must be non-empty; specify at least one'));
  for (const [at, { expression, messageExpression, reason }] of (spec.validations ?? []).entries()) {
    const field = `spec.validations[${at}]`;
    errors.push(...expressionErrors(expression, `${field}.expression`, { variables: ADMISSION_VARIABLES, result: 'bool' }));
    if (messageExpression)
      errors.push(
        ...expressionErrors(messageExpression, `${field}.messageExpression`, { variables: ADMISSION_VARIABLES, result: 'string' }),
      );
    if (reason && !REASONS.includes(reason)) errors.push(notSupported(`${field}.reason`, reason, REASONS));
  }
  return errors;
};

export const mutatingPolicyErrors = (spec: MutatingAdmissionPolicySpec | undefined): FieldError[] => {
  if (!spec) return [required('spec')];
  const errors = sharedErrors(spec);
  if (!spec.mutations?.length) errors.push(required('spec.mutations', 'mutations must contain at least one item'));
  for (const [at, mutation] of (spec.mutations ?? []).entries()) {
    const field = `spec.mutations[${at}]`;
    const { patchType, applyConfiguration, jsonPatch } = mutation;
    const variables = ADMISSION_VARIABLES;
    if (patchType === 'ApplyConfiguration')
      errors.push(...expressionErrors(applyConfiguration?.expression, `${field}.applyConfiguration.expression`, { variables }));
    else if (patchType === 'JSONPatch')
      errors.push(...expressionErrors(jsonPatch?.expression, `${field}.jsonPatch.expression`, { variables }));
    else errors.push(patchType ? notSupported(`${field}.patchType`, patchType, PATCH_TYPES) : required(`${field}.patchType`));
  }
  return errors;
};

export const bindingErrors = (spec: Partial<ValidatingAdmissionPolicyBindingSpec> | undefined, hasActions: boolean): FieldError[] => {
  const errors: FieldError[] = [];
  if (!spec?.policyName) errors.push(required('spec.policyName'));
  if (!hasActions) return errors;
  const actions = spec?.validationActions ?? [];
  if (actions.length === 0) errors.push(required('spec.validationActions', 'at least one validation action is required'));
  for (const [at, action] of actions.entries())
    if (!ACTIONS.includes(action)) errors.push(notSupported(`spec.validationActions[${at}]`, action, ACTIONS));
  if (actions.includes('Deny') && actions.includes('Warn'))
    errors.push(
      invalid(
        'spec.validationActions',
        actions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return errors;
};
