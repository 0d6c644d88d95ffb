/** Small checks that many kinds share. Each adds what is wrong to `errors`. */
import { isIP } from 'node:net';
import type { LabelSelector } from '../types/meta-v1.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from './field-error.ts';
import { labelKeyProblems, labelValueProblems, portNameProblems, portNumberProblems } from './names.ts';
import { validateLabels } from './object-meta.ts';
import { parseQuantity } from './quantity.ts';

/** One error for each problem that `check` finds. */
export const checkText = (errors: FieldError[], field: string, value: string, check: (value: string) => readonly string[]): void => {
  for (const problem of check(value)) errors.push(invalid(field, value, problem));
};

/** Required, and one of these. */
export const checkOneOf = (errors: FieldError[], field: string, value: string | undefined, supported: readonly string[]): void => {
  if (!value) errors.push(required(field));
  else if (!supported.includes(value)) errors.push(notSupported(field, value, supported));
};

/** One of these where it is given. */
export const checkOptionalOneOf = (errors: FieldError[], field: string, value: string | undefined, supported: readonly string[]): void => {
  if (value !== undefined && !supported.includes(value)) errors.push(notSupported(field, value, supported));
};

export const checkNonNegative = (errors: FieldError[], field: string, value: number | undefined): void => {
  if (value !== undefined && value < 0) errors.push(invalid(field, value, 'must be greater than or equal to 0'));
};

export const checkPositive = (errors: FieldError[], field: string, value: number | undefined): void => {
  if (value !== undefined && value <= 0) errors.push(invalid(field, value, 'must be greater than 0'));
};

export const checkPortOrName = (errors: FieldError[], field: string, port: number | string | undefined): void => {
  const problems = typeof port === 'string' ? portNameProblems(port) : portNumberProblems(port ?? 0);
  for (const problem of problems) errors.push(invalid(field, port ?? 0, problem));
};

export const IP_MESSAGE = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

export const checkIp = (errors: FieldError[], field: string, value: string): void => {
  if (isIP(value) === 0) errors.push(invalid(field, value, IP_MESSAGE));
};

export const isCidr = (text: string): boolean => {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
};

export const checkCidr = (errors: FieldError[], field: string, value: string): void => {
  if (!isCidr(value)) errors.push(invalid(field, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
};

export const checkNonNegativeQuantity = (errors: FieldError[], field: string, value: string | number): void => {
  if (parseQuantity(value).nano < 0n) errors.push(invalid(field, String(value), 'must be greater than or equal to 0'));
};

export const checkLabelSelector = (errors: FieldError[], field: string, selector: LabelSelector | undefined): void => {
  if (!selector) return;
  errors.push(...validateLabels(selector.matchLabels, `${field}.matchLabels`));
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${index}]`;
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    checkText(errors, `${at}.key`, key, labelKeyProblems);
    for (const [position, value] of values.entries()) checkText(errors, `${at}.values[${position}]`, value, labelValueProblems);
  }
};

/** `selector` of a workload: there, not empty, valid. Answers whether it selects the labels of the template. */
export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions?.length ?? 0) === 0;
