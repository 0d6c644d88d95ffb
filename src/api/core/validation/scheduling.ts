import { checkLabelSelector, checkOneOf, checkOptionalOneOf, checkText } from '../../meta/checks.ts';
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts';
import { dnsLabelProblems, dnsSubdomainProblems, labelKeyProblems, labelValueProblems } from '../../meta/names.ts';
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from '../../types/core-v1.ts';

export const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export const checkTolerations = (errors: FieldError[], at: string, tolerations: readonly Toleration[]): void => {
  for (const [index, toleration] of tolerations.entries()) {
    const here = `${at}[${index}]`;
    const { key = '', operator = '', value = '', effect = '' } = toleration;
    if (key) checkText(errors, `${here}.key`, key, labelKeyProblems);
    else if (operator !== 'Exists')
      errors.push(
        invalid(`${here}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'),
      );
    if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute')
      errors.push(invalid(`${here}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === 'Equal' || operator === '') {
      const problems = labelValueProblems(value);
      if (problems.length > 0) errors.push(invalid(`${here}.operator`, value, problems.join(';')));
    } else if (operator === 'Exists') {
      if (value) errors.push(invalid(`${here}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else if (operator === 'Lt' || operator === 'Gt')
      errors.push(notSupported(`${here}.operator`, operator, ['Equal', 'Exists', 'Lt', 'Gt']));
    else errors.push(notSupported(`${here}.operator`, operator, ['Equal', 'Exists']));
    if (effect && !EFFECTS.includes(effect)) errors.push(notSupported(`${here}.effect`, effect, EFFECTS));
  }
};

const checkNodeRequirement = (errors: FieldError[], at: string, requirement: NodeSelectorRequirement, checkValues: boolean): void => {
  const { key, operator, values = [] } = requirement;
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1) errors.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
  checkText(errors, `${at}.key`, key, labelKeyProblems);
  if (checkValues) for (const [index, value] of values.entries()) checkText(errors, `${at}.values[${index}]`, value, labelValueProblems);
};

const checkNodeFieldRequirement = (errors: FieldError[], at: string, { key, operator, values = [] }: NodeSelectorRequirement): void => {
  if (operator !== 'In' && operator !== 'NotIn') errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
  else if (values.length !== 1)
    errors.push(required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  if (key !== 'metadata.name') errors.push(invalid(`${at}.key`, key, 'not a valid field selector key'));
  else for (const [index, value] of values.entries()) checkText(errors, `${at}.values[${index}]`, value, dnsSubdomainProblems);
};

const checkNodeTerm = (errors: FieldError[], at: string, term: NodeSelectorTerm, checkValues: boolean): void => {
  for (const [index, requirement] of (term.matchExpressions ?? []).entries())
    checkNodeRequirement(errors, `${at}.matchExpressions[${index}]`, requirement, checkValues);
  for (const [index, requirement] of (term.matchFields ?? []).entries())
    checkNodeFieldRequirement(errors, `${at}.matchFields[${index}]`, requirement);
};

export const checkNodeSelector = (errors: FieldError[], at: string, selector: NodeSelector): void => {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) errors.push(required(`${at}.nodeSelectorTerms`, 'must have at least one node selector term'));
  for (const [index, term] of terms.entries()) checkNodeTerm(errors, `${at}.nodeSelectorTerms[${index}]`, term, true);
};

const checkWeight = (errors: FieldError[], at: string, weight: number): void => {
  if (weight <= 0 || weight > 100) errors.push(invalid(at, weight, 'must be in the range 1-100'));
};

const checkPodTerm = (errors: FieldError[], at: string, term: PodAffinityTerm): void => {
  checkLabelSelector(errors, `${at}.labelSelector`, term.labelSelector);
  checkLabelSelector(errors, `${at}.namespaceSelector`, term.namespaceSelector);
  for (const name of term.namespaces ?? []) checkText(errors, `${at}.namespace`, name, dnsLabelProblems);
  if (!term.topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'));
  checkText(errors, `${at}.topologyKey`, term.topologyKey, labelKeyProblems);
};

const checkPodAffinity = (errors: FieldError[], at: string, affinity: PodAffinity | undefined): void => {
  if (!affinity) return;
  for (const [index, term] of (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries())
    checkPodTerm(errors, `${at}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`, term);
  for (const [index, term] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const here = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
    checkWeight(errors, `${here}.weight`, term.weight);
    checkPodTerm(errors, `${here}.podAffinityTerm`, term.podAffinityTerm);
  }
};

export const checkAffinity = (errors: FieldError[], at: string, affinity: Affinity): void => {
  const node = affinity.nodeAffinity;
  const wanted = node?.requiredDuringSchedulingIgnoredDuringExecution;
  if (wanted) checkNodeSelector(errors, `${at}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`, wanted);
  for (const [index, term] of (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const here = `${at}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
    checkWeight(errors, `${here}.weight`, term.weight);
    checkNodeTerm(errors, `${here}.preference`, term.preference, false);
  }
  checkPodAffinity(errors, `${at}.podAffinity`, affinity.podAffinity);
  checkPodAffinity(errors, `${at}.podAntiAffinity`, affinity.podAntiAffinity);
};

export const checkSpreadConstraints = (errors: FieldError[], at: string, constraints: readonly TopologySpreadConstraint[]): void => {
  for (const [index, constraint] of constraints.entries()) {
    const here = `${at}[${index}]`;
    const { topologyKey, whenUnsatisfiable, minDomains } = constraint;
    if (constraint.maxSkew <= 0) errors.push(invalid(`${here}.maxSkew`, constraint.maxSkew, 'must be greater than zero'));
    if (!topologyKey) errors.push(required(`${here}.topologyKey`, 'can not be empty'));
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(whenUnsatisfiable))
      errors.push(notSupported(`${here}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
    if (constraints.slice(index + 1).some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable))
      errors.push(duplicate(`${here}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`));
    if (minDomains !== undefined && minDomains <= 0) errors.push(invalid(`${here}.minDomains`, minDomains, 'must be greater than zero'));
    if (minDomains !== undefined && whenUnsatisfiable !== 'DoNotSchedule')
      errors.push(
        invalid(`${here}.minDomains`, minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`),
      );
    checkOptionalOneOf(errors, `${here}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, ['Honor', 'Ignore']);
    checkOptionalOneOf(errors, `${here}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, ['Honor', 'Ignore']);
    checkLabelSelector(errors, `${here}.labelSelector`, constraint.labelSelector);
  }
};

/** Taints of a node. */
export const checkTaints = (errors: FieldError[], at: string, taints: readonly { key: string; value?: string; effect: string }[]): void => {
  const seen = new Set<string>();
  for (const [index, { key, value = '', effect }] of taints.entries()) {
    const here = `${at}[${index}]`;
    checkText(errors, `${here}.key`, key, labelKeyProblems);
    const problems = labelValueProblems(value);
    if (problems.length > 0) errors.push(invalid(`${here}.value`, value, problems.join(';')));
    checkOneOf(errors, `${here}.effect`, effect, EFFECTS);
    const identity = `${effect}/${key}`;
    if (seen.has(identity)) {
      const { message } = duplicate(here, { Key: key, Value: value, Effect: effect, TimeAdded: null });
      errors.push({ type: 'FieldValueDuplicate', field: here, message: `${message}: taints must be unique by key and effect pair` });
    }
    seen.add(identity);
  }
};
