/**
 * What happens to an object of any kind between decoding and storing: the parts that a request may not touch are put back, the
 * generation is counted, metadata and the kind's own rules are checked. All functions change `object` in place and never `old`.
 */

import type { Kind } from './kind.ts';
import { deepEqual, semanticEqual } from './meta/equality.ts';
import type { FieldError } from './meta/field-error.ts';
import type { KubeObject } from './meta/object.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './meta/object-meta.ts';
import { typeNamed } from './schema/table.ts';
import { WalkContext, walkType } from './schema/walker.ts';
import type { ObjectMeta } from './types/meta-v1.ts';

/** Clears what a client may not set on create. uid, creationTimestamp and resourceVersion are the registry's. */
export const prepareForCreate = (kind: Kind, object: KubeObject): void => {
  if (!kind.keepsStatusOnCreate && 'status' in kind.subresources && object['status'] !== undefined) object['status'] = emptyStatus(kind);
  kind.prepareForCreate?.(object);
  if (kind.hasGeneration) object.metadata.generation = 1;
  else delete object.metadata.generation;
};

/** Before an update of the main resource: status is the old one's, generation grows when the rest changed. */
export const prepareForUpdate = (kind: Kind, object: KubeObject, old: KubeObject): void => {
  if ('status' in kind.subresources) restore(object, old, 'status');
  kind.prepareForUpdate?.(object, old);
  if (!kind.hasGeneration) return;
  const annotated = kind.generationFollowsAnnotations === true && !semanticEqual(object.metadata.annotations, old.metadata.annotations);
  const grew =
    annotated || changedBeyond(object, old) || (!old.metadata.deletionTimestamp && object.metadata.deletionTimestamp !== undefined);
  object.metadata.generation = (old.metadata.generation ?? 0) + (grew ? 1 : 0);
};

/**
 * Before an update of `/status`: everything but status is the old one's. Labels, annotations, finalizers and owners come along for
 * most kinds, as upstream has it.
 */
export const prepareForStatusUpdate = (kind: Kind, object: KubeObject, old: KubeObject): void => {
  for (const field of Object.keys(object)) if (!STATUS_OWN.has(field)) restore(object, old, field);
  for (const field of Object.keys(old)) if (!STATUS_OWN.has(field) && object[field] === undefined) restore(object, old, field);
  const { metadata } = object;
  const kept: ObjectMeta = { ...old.metadata };
  setOrDelete(kept, 'resourceVersion', metadata.resourceVersion);
  setOrDelete(kept, 'managedFields', metadata.managedFields);
  if (kind.schema !== undefined && !STATUS_ALONE.has(kind.group) && kind.plural !== 'servicecidrs') {
    const held = HELD_BACK[`${kind.group}/${kind.plural}`];
    for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const)
      if (field !== held) setOrDelete(kept, field, metadata[field]);
  }
  object.metadata = kept;
  kind.prepareForStatusUpdate?.(object, old);
};

const PLAIN_FINALIZERS = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io', 'admissionregistration.k8s.io']);

/** The kinds of extension bear finalizers without a slash; all others only the few that everybody knows. */
const finalizerRule = (kind: Kind) => ({ plainFinalizers: kind.schema === undefined || PLAIN_FINALIZERS.has(kind.group) });

export const validateCreate = (kind: Kind, object: KubeObject): FieldError[] => {
  const errors = validateObjectMeta(object.metadata, { namespaced: kind.namespaced, nameCheck: kind.nameCheck, ...finalizerRule(kind) });
  if (kind.validate) errors.push(...kind.validate(object));
  return errors;
};

export const validateUpdate = (kind: Kind, object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateObjectMetaUpdate(object.metadata, old.metadata, finalizerRule(kind));
  if (kind.validateUpdate) errors.push(...kind.validateUpdate(object, old));
  else if (kind.validate) errors.push(...kind.validate(object));
  return errors;
};

export const validateStatusUpdate = (kind: Kind, object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateObjectMetaUpdate(object.metadata, old.metadata, finalizerRule(kind));
  if (kind.validateStatusUpdate) errors.push(...kind.validateStatusUpdate(object, old));
  return errors;
};

/** Lines for the `Warning:` header of a create (`old` undefined) or update. */
export const warningsFor = (kind: Kind, object: KubeObject, old: KubeObject | undefined): string[] => kind.warnings?.(object, old) ?? [];

const STATUS_OWN = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** Groups whose status brings no metadata along. */
const STATUS_ALONE = new Set([
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'resource.k8s.io',
]);

/** The one field of the metadata that stays the old one's. */
const HELD_BACK: Readonly<Record<string, string>> = { 'apps/deployments': 'labels', '/pods': 'ownerReferences' };

/** A status in which nothing was said: the fields that are always there. */
const emptyStatus = (kind: Kind): unknown => {
  const field = kind.schema === undefined ? undefined : typeNamed(kind.schema)?.fields['status'];
  return field?.ref === undefined ? {} : walkType(field.ref, {}, new WalkContext({ collectUnknown: false }));
};

const restore = (object: KubeObject, old: KubeObject, field: string): void => {
  if (old[field] === undefined) delete object[field];
  else object[field] = old[field];
};

const setOrDelete = <T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void => {
  if (value === undefined) delete target[key];
  else target[key] = value;
};

const changedBeyond = (object: KubeObject, old: KubeObject): boolean => {
  for (const field of Object.keys(object)) if (!STATUS_OWN.has(field) && !deepEqual(object[field], old[field])) return true;
  for (const field of Object.keys(old)) if (!STATUS_OWN.has(field) && object[field] === undefined) return true;
  return false;
};
