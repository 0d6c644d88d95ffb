import { as } from '../meta/columns.ts';
import { deepEqual } from '../meta/equality.ts';
import { type FieldError, invalid, notSupported, required } from '../meta/field-error.ts';
import type { KubeObject } from '../meta/object.ts';
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from '../types/rbac-v1.ts';

const GROUP = 'rbac.authorization.k8s.io';

const checkRule = (errors: FieldError[], at: string, rule: PolicyRule, namespaced: boolean): void => {
  if (!rule.verbs?.length) errors.push(required(`${at}.verbs`, 'verbs must contain at least one value'));
  if (rule.nonResourceURLs?.length) {
    if (namespaced)
      errors.push(invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length)
      errors.push(
        invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'),
      );
    return;
  }
  if (!rule.apiGroups?.length) errors.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!rule.resources?.length) errors.push(required(`${at}.resources`, 'resource rules must supply at least one resource'));
};

const checkRules = (object: KubeObject, namespaced: boolean): FieldError[] => {
  const errors: FieldError[] = [];
  for (const [index, rule] of (as<ClusterRole>(object).rules ?? []).entries()) checkRule(errors, `rules[${index}]`, rule, namespaced);
  return errors;
};

export const validateRole = (object: KubeObject): FieldError[] => checkRules(object, true);
export const validateClusterRole = (object: KubeObject): FieldError[] => checkRules(object, false);

const checkBinding = (object: KubeObject, kinds: readonly string[], namespaced: boolean): FieldError[] => {
  const errors: FieldError[] = [];
  const { roleRef, subjects } = as<RoleBinding>(object);
  if (roleRef.apiGroup !== GROUP) errors.push(notSupported('roleRef.apiGroup', roleRef.apiGroup, [GROUP]));
  if (!kinds.includes(roleRef.kind)) errors.push(notSupported('roleRef.kind', roleRef.kind, kinds));
  if (!roleRef.name) errors.push(required('roleRef.name'));
  for (const [index, subject] of (subjects ?? []).entries()) checkSubject(errors, `subjects[${index}]`, subject, namespaced);
  return errors;
};

const checkSubject = (errors: FieldError[], at: string, subject: Subject, namespaced: boolean): void => {
  if (!subject.name) errors.push(required(`${at}.name`));
  const { kind, apiGroup = '' } = subject;
  if (kind === 'ServiceAccount') {
    if (apiGroup !== '') errors.push(notSupported(`${at}.apiGroup`, apiGroup, ['']));
    if (!namespaced && !subject.namespace) errors.push(required(`${at}.namespace`));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== GROUP) errors.push(notSupported(`${at}.apiGroup`, apiGroup, [GROUP]));
  } else errors.push(notSupported(`${at}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
};

export const validateRoleBinding = (object: KubeObject): FieldError[] => checkBinding(object, ['Role', 'ClusterRole'], true);
export const validateClusterRoleBinding = (object: KubeObject): FieldError[] => checkBinding(object, ['ClusterRole'], false);

/** What a binding refers to stays: to change it, make a new one. */
const checkRoleRef = (errors: FieldError[], object: KubeObject, old: KubeObject): FieldError[] => {
  const [now, was] = [as<RoleBinding>(object).roleRef, as<RoleBinding>(old).roleRef];
  return deepEqual(now, was) ? errors : [...errors, invalid('roleRef', now, 'cannot change roleRef')];
};

export const validateRoleBindingUpdate = (object: KubeObject, old: KubeObject): FieldError[] =>
  checkRoleRef(validateRoleBinding(object), object, old);
export const validateClusterRoleBindingUpdate = (object: KubeObject, old: KubeObject): FieldError[] =>
  checkRoleRef(validateClusterRoleBinding(object), object, old);
