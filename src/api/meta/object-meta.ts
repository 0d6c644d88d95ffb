import type { ObjectMeta, OwnerReference } from '../types/meta-v1.ts';
import { type FieldError, forbidden, invalid, required, tooLong } from './field-error.ts';
import { dnsSubdomainProblems, labelKeyProblems, labelValueProblems, maskTrailingDash, qualifiedNameProblems } from './names.ts';

export type NameCheck = (name: string) => readonly string[];

const ANNOTATIONS_LIMIT_BYTES = 256 * 1024;
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);
const MAX_MANAGER_BYTES = 128;

export const validateLabels = (labels: Readonly<Record<string, string>> | undefined, field: string): FieldError[] => {
  const errors: FieldError[] = [];
  for (const key in labels) {
    for (const problem of labelKeyProblems(key)) errors.push(invalid(field, key, problem));
    const value = labels[key] as string;
    for (const problem of labelValueProblems(value)) errors.push(invalid(field, value, problem));
  }
  return errors;
};

export const validateAnnotations = (annotations: Readonly<Record<string, string>> | undefined, field: string): FieldError[] => {
  const errors: FieldError[] = [];
  let size = 0;
  for (const key in annotations) {
    for (const problem of qualifiedNameProblems(key.toLowerCase())) errors.push(invalid(field, key, problem));
    size += key.length + (annotations[key] as string).length;
  }
  if (size > ANNOTATIONS_LIMIT_BYTES) errors.push(tooLong(field, ANNOTATIONS_LIMIT_BYTES));
  return errors;
};

const validateFinalizers = (finalizers: readonly string[], field: string, plain: boolean): FieldError[] => {
  const errors: FieldError[] = [];
  for (const name of finalizers) for (const problem of qualifiedNameProblems(name)) errors.push(invalid(field, name, problem));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    errors.push(invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  finalizers.forEach((name, index) => {
    if (!plain && !name.includes('/') && !STANDARD_FINALIZERS.has(name))
      errors.push(invalid(`${field}[${index}]`, name, 'name is neither a standard finalizer name nor is it fully qualified'));
  });
  return errors;
};

const validateOwnerReferences = (references: readonly OwnerReference[], field: string): FieldError[] => {
  const errors: FieldError[] = [];
  let controller = '';
  for (const reference of references) {
    const { apiVersion, kind, name, uid } = reference;
    const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
    if (version === '') errors.push(invalid(`${field}.apiVersion`, apiVersion, 'version must not be empty'));
    if (kind === '') errors.push(invalid(`${field}.kind`, kind, 'must not be empty'));
    if (name === '') errors.push(invalid(`${field}.name`, name, 'must not be empty'));
    if (uid === '') errors.push(invalid(`${field}.uid`, uid, 'must not be empty'));
    if (apiVersion === 'v1' && kind === 'Event')
      errors.push(invalid(field, reference, '/v1, Kind=Event is disallowed from being an owner'));
    if (!reference.controller) continue;
    const current = `${kind}/${name}`;
    if (controller)
      errors.push(
        invalid(
          field,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`,
        ),
      );
    else controller = current;
  }
  return errors;
};

const validateManagedFields = (meta: ObjectMeta, field: string): FieldError[] => {
  const errors: FieldError[] = [];
  meta.managedFields?.forEach((entry, index) => {
    const at = `${field}[${index}]`;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      errors.push(invalid(`${at}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`'));
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1')
      errors.push(invalid(`${at}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`'));
    if (entry.manager && Buffer.byteLength(entry.manager) > MAX_MANAGER_BYTES) errors.push(tooLong(`${at}.manager`, MAX_MANAGER_BYTES));
  });
  return errors;
};

const common = (meta: ObjectMeta): FieldError[] => [
  ...validateLabels(meta.labels, 'metadata.labels'),
  ...validateAnnotations(meta.annotations, 'metadata.annotations'),
  ...(meta.ownerReferences ? validateOwnerReferences(meta.ownerReferences, 'metadata.ownerReferences') : []),
];

/** Metadata of a new object. `nameCheck` is the kind's rule for names. */
export const validateObjectMeta = (
  meta: ObjectMeta,
  options: { namespaced: boolean; nameCheck?: NameCheck; plainFinalizers?: boolean },
): FieldError[] => {
  const nameCheck = options.nameCheck ?? dnsSubdomainProblems;
  const errors: FieldError[] = [];
  if (meta.generateName)
    for (const problem of nameCheck(maskTrailingDash(meta.generateName)))
      errors.push(invalid('metadata.generateName', meta.generateName, problem));
  if (!meta.name) errors.push(required('metadata.name', 'name or generateName is required'));
  else for (const problem of nameCheck(meta.name)) errors.push(invalid('metadata.name', meta.name, problem));
  if (options.namespaced && !meta.namespace) errors.push(required('metadata.namespace'));
  if (!options.namespaced && meta.namespace) errors.push(forbidden('metadata.namespace', 'not allowed on this type'));
  if ((meta.generation ?? 0) < 0) errors.push(invalid('metadata.generation', meta.generation, 'must be greater than or equal to 0'));
  errors.push(...common(meta));
  if (meta.finalizers) errors.push(...validateFinalizers(meta.finalizers, 'metadata.finalizers', options.plainFinalizers === true));
  if (meta.managedFields) errors.push(...validateManagedFields(meta, 'metadata.managedFields'));
  return errors;
};

const IMMUTABLE = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** Metadata of an update. */
export const validateObjectMetaUpdate = (meta: ObjectMeta, old: ObjectMeta, options: { plainFinalizers?: boolean } = {}): FieldError[] => {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) {
    const added = (meta.finalizers ?? []).filter((name) => !old.finalizers?.includes(name));
    if (added.length > 0)
      errors.push(
        forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(', ')}}`,
        ),
      );
  }
  for (const field of IMMUTABLE) {
    const value = meta[field];
    if (value !== old[field] && (value || old[field])) errors.push(invalid(`metadata.${field}`, value ?? null, 'field is immutable'));
  }
  errors.push(...common(meta));
  if (meta.finalizers) errors.push(...validateFinalizers(meta.finalizers, 'metadata.finalizers', options.plainFinalizers === true));
  if (meta.managedFields) errors.push(...validateManagedFields(meta, 'metadata.managedFields'));
  return errors;
};
