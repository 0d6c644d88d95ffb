import { checkNonNegativeQuantity } from '../../meta/checks.ts';
import { type FieldError, forbidden, invalid, required } from '../../meta/field-error.ts';
import { qualifiedNameProblems } from '../../meta/names.ts';
import { compareQuantities, parseQuantity } from '../../meta/quantity.ts';
import type { ResourceRequirements } from '../../types/core-v1.ts';

const CONTAINER = new Set(['cpu', 'memory', 'ephemeral-storage']);
const STANDARD = new Set([
  ...CONTAINER,
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'storage',
  'requests.storage',
  'services.nodeports',
  'services.loadbalancers',
]);

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');

const checkContainerResourceName = (errors: FieldError[], field: string, name: string): void => {
  const problems = qualifiedNameProblems(name);
  for (const problem of problems) errors.push(invalid(field, name, problem));
  if (!name.includes('/')) {
    if (problems.length === 0 && !STANDARD.has(name) && !isHugePages(name))
      errors.push(invalid(field, name, 'must be a standard resource type or fully qualified'));
    if (!CONTAINER.has(name) && !isHugePages(name)) errors.push(invalid(field, name, 'must be a standard resource for containers'));
  } else if (!isNative(name) && name.startsWith('requests.'))
    errors.push(invalid(field, name, "doesn't follow extended resource name standard"));
};

const checkAmount = (errors: FieldError[], field: string, name: string, amount: string | number): void => {
  checkNonNegativeQuantity(errors, field, amount);
  if (!isNative(name) && parseQuantity(amount).nano % 1_000_000_000n !== 0n)
    errors.push(invalid(field, String(amount), 'must be an integer'));
};

/** Requests and limits of a container or pod. */
export const checkResources = (errors: FieldError[], field: string, resources: ResourceRequirements | undefined): void => {
  if (!resources) return;
  const { limits = {}, requests = {} } = resources;
  for (const [name, amount] of Object.entries(limits)) {
    checkContainerResourceName(errors, `${field}.limits[${name}]`, name);
    checkAmount(errors, `${field}.limits[${name}]`, name, amount);
  }
  for (const [name, amount] of Object.entries(requests)) {
    checkContainerResourceName(errors, `${field}.requests[${name}]`, name);
    checkAmount(errors, `${field}.requests[${name}]`, name, amount);
    const limit = limits[name];
    const overcommits = isNative(name) && !isHugePages(name);
    if (limit === undefined) {
      if (!overcommits) errors.push(required(`${field}.limits`, 'Limit must be set for non overcommitable resources'));
      continue;
    }
    const order = compareQuantities(amount, limit);
    if (order !== 0 && !overcommits)
      errors.push(invalid(`${field}.requests`, String(amount), `must be equal to ${name} limit of ${limit}`));
    else if (order > 0)
      errors.push(invalid(`${field}.requests`, String(amount), `must be less than or equal to ${name} limit of ${limit}`));
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.some((name) => name === 'cpu' || name === 'memory'))
    errors.push(forbidden(field, 'HugePages require cpu or memory'));
};
