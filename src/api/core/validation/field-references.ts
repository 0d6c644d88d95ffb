import { checkText } from '../../meta/checks.ts';
import { type FieldError, invalid, notSupported, required } from '../../meta/field-error.ts';
import { qualifiedNameProblems } from '../../meta/names.ts';
import type { ObjectFieldSelector, ResourceFieldSelector } from '../../types/core-v1.ts';

export const ENV_FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const VOLUME_FIELD_PATHS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];
const KNOWN_PATHS = new Set([...ENV_FIELD_PATHS, ...VOLUME_FIELD_PATHS, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase']);
const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

export const checkFieldRef = (errors: FieldError[], at: string, reference: ObjectFieldSelector, paths: readonly string[]): void => {
  const { fieldPath, apiVersion } = reference;
  if (!apiVersion) {
    errors.push(required(`${at}.apiVersion`));
    return;
  }
  if (!fieldPath) {
    errors.push(required(`${at}.fieldPath`));
    return;
  }
  const subscript = /^([^[]+)\['(.*)'\]$/.exec(fieldPath);
  const path = subscript?.[1] ?? fieldPath;
  const known = subscript ? path === 'metadata.annotations' || path === 'metadata.labels' : KNOWN_PATHS.has(path);
  if (!known) {
    errors.push(invalid(`${at}.fieldPath`, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`));
  } else if (subscript) {
    const key = subscript[2] as string;
    checkText(errors, at, path === 'metadata.annotations' ? key.toLowerCase() : key, qualifiedNameProblems);
  } else if (!paths.includes(path)) errors.push(notSupported(`${at}.fieldPath`, path, paths));
};

export const checkResourceFieldRef = (
  errors: FieldError[],
  at: string,
  reference: ResourceFieldSelector,
  options: { needsContainer: boolean },
): void => {
  const { resource, containerName } = reference;
  if (options.needsContainer && !containerName) errors.push(required(`${at}.containerName`));
  else if (!resource) errors.push(required(`${at}.resource`));
  else if (!RESOURCES.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource))
    errors.push(notSupported(`${at}.resource`, resource, RESOURCES));
};
