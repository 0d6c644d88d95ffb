/** What the workloads share: replicas, selector, template. */
import { checkPodTemplate } from '../../core/validation/pod-spec.ts';
import { checkLabelSelector, checkNonNegative, isEmptySelector } from '../../meta/checks.ts';
import { deepEqual } from '../../meta/equality.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts';
import { selectorFromObject } from '../../meta/selector.ts';
import type { PodTemplateSpec } from '../../types/core-v1.ts';
import type { LabelSelector } from '../../types/meta-v1.ts';

interface Workload {
  replicas?: number;
  minReadySeconds?: number;
  selector?: LabelSelector;
  template?: PodTemplateSpec;
}

interface Words {
  /** `empty selector is invalid for deployment` */
  emptySelector: string;
  /** `activeDeadlineSeconds in ReplicaSet is not Supported` */
  deadline: string;
  /** A selector with an unknown operator is also refused as a whole, in these words. */
  badSelector: string | undefined;
  /** DaemonSets may leave the selector out of the schema's sight. */
  selectorRequired: boolean;
}

const OPERATORS = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist']);

export const checkWorkload = (errors: FieldError[], spec: Workload, words: Words): void => {
  checkNonNegative(errors, 'spec.replicas', spec.replicas);
  checkNonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  const { selector, template } = spec;
  if (!selector) {
    if (words.selectorRequired) errors.push(required('spec.selector'));
  } else {
    checkLabelSelector(errors, 'spec.selector', selector);
    if (isEmptySelector(selector)) errors.push(invalid('spec.selector', selector, words.emptySelector));
  }
  const broken = selector?.matchExpressions?.some(({ operator }) => !OPERATORS.has(operator)) ?? false;
  if (broken) {
    if (words.badSelector !== undefined) errors.push(invalid('spec.selector', selector, words.badSelector));
    if (words.selectorRequired) return;
  } else if (!isEmptySelector(selector) || !selector) {
    const labels = template?.metadata?.labels;
    if (!selectorFromObject(selector).matches(labels))
      errors.push(invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'));
  }
  checkPodTemplate(errors, 'spec.template', template);
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {};
  if (restartPolicy && restartPolicy !== 'Always') errors.push(notSupported('spec.template.spec.restartPolicy', restartPolicy, ['Always']));
  if (activeDeadlineSeconds !== undefined) errors.push(forbidden('spec.template.spec.activeDeadlineSeconds', words.deadline));
};

export const checkSelectorUnchanged = (errors: FieldError[], selector: unknown, before: unknown): void => {
  if (!deepEqual(selector, before)) errors.push(invalid('spec.selector', selector, 'field is immutable'));
};

const PERCENT = /^[0-9]+%$/;
const PERCENT_MESSAGE =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** A number or a percentage, not negative. */
export const checkIntOrPercent = (errors: FieldError[], at: string, value: number | string | undefined): void => {
  if (typeof value === 'string') {
    if (!PERCENT.test(value)) errors.push(invalid(at, value, PERCENT_MESSAGE));
  } else checkNonNegative(errors, at, value);
};

export const checkAtMost100Percent = (errors: FieldError[], at: string, value: number | string | undefined): void => {
  if (typeof value === 'string' && PERCENT.test(value) && Number.parseInt(value, 10) > 100)
    errors.push(invalid(at, value, 'must not be greater than 100%'));
};

export const isZeroAmount = (value: number | string | undefined): boolean =>
  typeof value === 'string' ? Number.parseInt(value, 10) === 0 : !value;
