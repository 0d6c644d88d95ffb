/** Namespaces, nodes, events, quotas and limits. */

import { checkCidr, checkNonNegativeQuantity } from '../../meta/checks.ts';
import { as } from '../../meta/columns.ts';
import { deepEqual } from '../../meta/equality.ts';
import { type FieldError, forbidden, invalid } from '../../meta/field-error.ts';
import { qualifiedNameProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import { compareQuantities } from '../../meta/quantity.ts';
import type { Event, LimitRange, LimitRangeItem, Namespace, Node, ResourceQuota } from '../../types/core-v1.ts';
import { checkTaints } from './scheduling.ts';

export const validateNamespace = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  for (const name of as<Namespace>(object).spec?.finalizers ?? []) {
    for (const problem of qualifiedNameProblems(name)) errors.push(invalid('spec.finalizers', name, problem));
    if (!name.includes('/') && name !== 'kubernetes')
      errors.push(invalid('spec.finalizers', name, 'name is neither a standard finalizer name nor is it fully qualified'));
  }
  return errors;
};

export const validateNode = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { spec, status } = as<Node>(object);
  // Upstream names the taints so, wherever they stand.
  if (spec?.taints) checkTaints(errors, 'metadata.taints', spec.taints);
  for (const [index, range] of (spec?.podCIDRs ?? []).entries()) checkCidr(errors, `spec.podCIDRs[${index}]`, range);
  for (const field of ['capacity', 'allocatable'] as const)
    for (const [name, amount] of Object.entries(status?.[field] ?? {}))
      checkNonNegativeQuantity(errors, `status.${field}[${name}]`, amount);
  return errors;
};

/** A node's pod ranges and provider are given once. */
export const validateNodeUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateNode(object);
  const [spec, before] = [as<Node>(object).spec ?? {}, as<Node>(old).spec ?? {}];
  if (before.podCIDRs?.length && !deepEqual(spec.podCIDRs ?? [], before.podCIDRs))
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  if (before.providerID && spec.providerID !== before.providerID)
    errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  return errors;
};

const UNNAMESPACED = 'default';

export const validateEvent = (object: KubeObject): FieldError[] => {
  const { metadata, involvedObject } = as<Event>(object);
  const { namespace = '' } = metadata;
  const about = involvedObject?.namespace ?? '';
  const belongs = about === '' ? namespace === '' || namespace === UNNAMESPACED || namespace === 'kube-system' : about === namespace;
  return belongs ? [] : [invalid('involvedObject.namespace', about, 'does not match event.namespace')];
};

const QUOTA = new Set(
  'cpu memory ephemeral-storage requests.cpu requests.memory requests.storage requests.ephemeral-storage limits.cpu limits.memory limits.ephemeral-storage pods resourcequotas services replicationcontrollers secrets persistentvolumeclaims configmaps services.nodeports services.loadbalancers'.split(
    ' ',
  ),
);
const isPrefixed = (name: string): boolean => /^((requests|limits)\.)?hugepages-/.test(name) || name.startsWith('count/');

export const validateResourceQuota = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  for (const [name, amount] of Object.entries(as<ResourceQuota>(object).spec?.hard ?? {})) {
    const at = `spec.hard[${name}]`;
    for (const problem of qualifiedNameProblems(name)) errors.push(invalid(at, name, problem));
    if (!name.includes('/') && !QUOTA.has(name) && !isPrefixed(name)) {
      if (name !== 'storage') errors.push(invalid(at, name, 'must be a standard resource type or fully qualified'));
      errors.push(invalid(at, name, 'must be a standard resource for quota'));
    }
    checkNonNegativeQuantity(errors, at, amount);
  }
  return errors;
};

export const validateLimitRange = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  for (const [index, item] of (as<LimitRange>(object).spec?.limits ?? []).entries()) checkLimits(errors, `spec.limits[${index}]`, item);
  return errors;
};

const ORDER: readonly [low: keyof LimitRangeItem, high: keyof LimitRangeItem, words: string, shown: 'low' | 'high'][] = [
  ['min', 'max', 'min value %l is greater than max value %h', 'low'],
  ['min', 'defaultRequest', 'min value %l is greater than default request value %h', 'high'],
  ['defaultRequest', 'max', 'default request value %l is greater than max value %h', 'low'],
  ['defaultRequest', 'default', 'default request value %l is greater than default limit value %h', 'low'],
  ['min', 'default', 'min value %l is greater than default value %h', 'low'],
  ['default', 'max', 'default value %l is greater than max value %h', 'low'],
];

const checkLimits = (errors: FieldError[], at: string, item: LimitRangeItem): void => {
  if (item.type === 'Pod') {
    for (const field of ['default', 'defaultRequest'] as const)
      if (Object.keys(item[field] ?? {}).length > 0) errors.push(forbidden(`${at}.${field}`, "may not be specified when `type` is 'Pod'"));
    return;
  }
  for (const [low, high, words, shown] of ORDER) {
    const [lows, highs] = [(item[low] ?? {}) as Record<string, string>, (item[high] ?? {}) as Record<string, string>];
    for (const name of Object.keys(lows)) {
      const [least, most] = [lows[name] as string, highs[name]];
      if (most === undefined || compareQuantities(least, most) <= 0) continue;
      const field = low === 'min' && high !== 'max' ? high : low;
      errors.push(invalid(`${at}.${field}[${name}]`, shown === 'low' ? least : most, words.replace('%l', least).replace('%h', most)));
    }
  }
};
