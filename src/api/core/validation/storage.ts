/** Volumes, claims and classes. */

import { checkOptionalOneOf, checkText } from '../../meta/checks.ts';
import { as } from '../../meta/columns.ts';
import { deepEqual, semanticEqual } from '../../meta/equality.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts';
import { dnsSubdomainProblems, qualifiedNameProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import { compareQuantities, parseQuantity } from '../../meta/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '../../types/core-v1.ts';
import type { StorageClass } from '../../types/storage-v1.ts';
import { checkNodeSelector } from './scheduling.ts';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const VOLUME_MODES = ['Block', 'Filesystem'];

const checkModes = (errors: FieldError[], modes: readonly string[]): void => {
  for (const mode of modes) if (!ACCESS_MODES.includes(mode)) errors.push(notSupported('spec.accessModes', mode, ACCESS_MODES));
  if (modes.length > 1 && modes.includes('ReadWriteOncePod'))
    errors.push(forbidden('spec.accessModes', 'may not use ReadWriteOncePod with other access modes'));
};

/** Fields of a volume's spec that say where it is. */
const NOT_SOURCES = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

const sourcesOf = (spec: PersistentVolumeSpec): string[] => Object.keys(spec).filter((field) => !NOT_SOURCES.has(field));

export const validatePersistentVolume = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<PersistentVolume>(object).spec ?? {};
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required('spec.accessModes'));
  checkModes(errors, modes);
  const capacity = spec.capacity ?? {};
  if (Object.keys(capacity).length === 0) errors.push(required('spec.capacity'));
  if (capacity['storage'] === undefined || Object.keys(capacity).length > 1)
    errors.push(notSupported('spec.capacity', spec.capacity ?? null, ['storage']));
  for (const [name, amount] of Object.entries(capacity)) {
    const { nano } = parseQuantity(amount);
    // The first of the two shows the number itself, as upstream does.
    if (nano < 0n) errors.push(invalid(`spec.capacity[${name}]`, Number(nano / 1_000_000_000n), 'must be a valid resource quantity'));
    if (nano <= 0n) errors.push(invalid(`spec.capacity[${name}]`, String(amount), 'must be greater than zero'));
  }
  checkOptionalOneOf(errors, 'spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, ['Delete', 'Recycle', 'Retain']);
  const sources = sourcesOf(spec);
  if (sources.length === 0) errors.push(required('spec', 'must specify a volume type'));
  for (const extra of sources.slice(1)) errors.push(forbidden(`spec.${extra}`, 'may not specify more than 1 volume type'));
  if (spec.hostPath && !spec.hostPath.path) errors.push(required('spec.hostPath.path'));
  if (spec.local && !spec.local.path) errors.push(required('spec.local.path'));
  if (spec.local && !spec.nodeAffinity) errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  if (spec.nodeAffinity?.required) checkNodeSelector(errors, 'spec.nodeAffinity.required', spec.nodeAffinity.required);
  if (spec.storageClassName) checkText(errors, 'spec.storageClassName', spec.storageClassName, dnsSubdomainProblems);
  checkOptionalOneOf(errors, 'spec.volumeMode', spec.volumeMode, VOLUME_MODES);
  return errors;
};

export const validatePersistentVolumeUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validatePersistentVolume(object);
  const [spec, before] = [as<PersistentVolume>(object).spec ?? {}, as<PersistentVolume>(old).spec ?? {}];
  const source = (of: PersistentVolumeSpec): unknown => Object.fromEntries(Object.entries(of).filter(([field]) => !NOT_SOURCES.has(field)));
  if (!semanticEqual(source(spec), source(before)))
    errors.push(forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation\n'));
  if (spec.volumeMode !== before.volumeMode) errors.push(invalid('spec.volumeMode', spec.volumeMode, 'field is immutable'));
  if (before.nodeAffinity && !deepEqual(spec.nodeAffinity, before.nodeAffinity))
    errors.push(invalid('spec.nodeAffinity', spec.nodeAffinity, 'field is immutable'));
  return errors;
};

export const validatePersistentVolumeClaim = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<PersistentVolumeClaim>(object).spec ?? {};
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required('spec.accessModes', 'at least 1 access mode is required'));
  checkModes(errors, modes);
  const amount = spec.resources?.requests?.['storage'];
  if (amount === undefined) errors.push(required('spec.resources[storage]'));
  else if (parseQuantity(amount).nano <= 0n) errors.push(invalid('spec.resources[storage]', String(amount), 'must be greater than zero'));
  if (spec.storageClassName) checkText(errors, 'spec.storageClassName', spec.storageClassName, dnsSubdomainProblems);
  checkOptionalOneOf(errors, 'spec.volumeMode', spec.volumeMode, VOLUME_MODES);
  return errors;
};

const CLAIM_IMMUTABLE = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n';

export const validatePersistentVolumeClaimUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validatePersistentVolumeClaim(object);
  const [spec, before] = [as<PersistentVolumeClaim>(object).spec ?? {}, as<PersistentVolumeClaim>(old).spec ?? {}];
  const bound = as<PersistentVolumeClaim>(old).status?.phase === 'Bound';
  const munged = {
    ...spec,
    ...(before.volumeName ? {} : { volumeName: before.volumeName }),
    ...(before.storageClassName === undefined ? { storageClassName: undefined } : {}),
    ...(bound ? { resources: before.resources, volumeAttributesClassName: before.volumeAttributesClassName } : {}),
  };
  if (!semanticEqual(munged, before)) errors.push(forbidden('spec', CLAIM_IMMUTABLE));
  const [amount, was] = [spec.resources?.requests?.['storage'], before.resources?.requests?.['storage']];
  const capacity = as<PersistentVolumeClaim>(old).status?.capacity?.['storage'];
  if (
    bound &&
    amount !== undefined &&
    was !== undefined &&
    compareQuantities(amount, was) < 0 &&
    compareQuantities(amount, capacity ?? was) <= 0
  )
    errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  return errors;
};

export const validateStorageClass = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { provisioner, reclaimPolicy, volumeBindingMode } = as<StorageClass>(object);
  if (!provisioner) errors.push(required('provisioner'));
  else checkText(errors, 'provisioner', provisioner.toLowerCase(), qualifiedNameProblems);
  checkOptionalOneOf(errors, 'reclaimPolicy', reclaimPolicy, ['Delete', 'Retain']);
  checkOptionalOneOf(errors, 'volumeBindingMode', volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']);
  return errors;
};

export const validateStorageClassUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateStorageClass(object);
  const [now, was] = [as<StorageClass>(object), as<StorageClass>(old)];
  if (!semanticEqual(now.parameters, was.parameters)) errors.push(forbidden('parameters', 'updates to parameters are forbidden.'));
  if (now.provisioner !== was.provisioner) errors.push(forbidden('provisioner', 'updates to provisioner are forbidden.'));
  if (now.reclaimPolicy !== was.reclaimPolicy) errors.push(forbidden('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
  if (now.volumeBindingMode !== was.volumeBindingMode)
    errors.push(invalid('volumeBindingMode', now.volumeBindingMode, 'field is immutable'));
  return errors;
};
