import { as } from '../../meta/columns.ts';
import { semanticEqual } from '../../meta/equality.ts';
import { type FieldError, forbidden, invalid, required } from '../../meta/field-error.ts';
import type { KubeObject } from '../../meta/object.ts';
import type { Container, Pod, PodSpec } from '../../types/core-v1.ts';
import { checkPodSpec } from './pod-spec.ts';

const NO_SPEC: PodSpec = { containers: [] };

const checkPod = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<Pod>(object).spec ?? NO_SPEC;
  checkPodSpec(errors, 'spec', spec, { isPod: true });
  if (!spec.serviceAccountName)
    for (const [index, volume] of (spec.volumes ?? []).entries())
      for (const [position, source] of (volume.projected?.sources ?? []).entries())
        if (source.serviceAccountToken)
          errors.push(
            forbidden(
              `spec.volumes[${index}].projected.sources[${position}].serviceAccountToken`,
              'must not be specified when serviceAccountName is not set',
            ),
          );
  for (const field of ['containers', 'initContainers'] as const)
    for (const [index, { image = '' }] of (spec[field] ?? []).entries())
      if (image !== image.trim())
        errors.push(invalid(`spec.${field}[${index}].image`, image, 'must not have leading or trailing whitespace'));
  return errors;
};

export const validatePod = (object: KubeObject): FieldError[] => {
  const errors = checkPod(object);
  const spec = as<Pod>(object).spec ?? NO_SPEC;
  if (spec.ephemeralContainers?.length) errors.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length)
    errors.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  return errors;
};

const ONLY =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
const MAX_DEADLINE_SECONDS = 2 ** 31 - 1;

/** Of a pod's spec only images, the deadline and gates change, and tolerations are added. */
export const validatePodUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = checkPod(object);
  const spec = as<Pod>(object).spec ?? NO_SPEC;
  const before = as<Pod>(old).spec ?? NO_SPEC;
  for (const field of ['containers', 'initContainers'] as const) {
    const [now, was] = [spec[field] ?? [], before[field] ?? []];
    if (now.length !== was.length) return [...errors, forbidden(`spec.${field}`, 'pod updates may not add or remove containers')];
    for (const [index, { image }] of now.entries()) if (!image) errors.push(required(`spec.${field}[${index}].image`));
  }
  const [deadline, oldDeadline] = [spec.activeDeadlineSeconds, before.activeDeadlineSeconds];
  if (deadline !== undefined) {
    if (deadline < 0 || deadline > MAX_DEADLINE_SECONDS)
      return [...errors, invalid('spec.activeDeadlineSeconds', deadline, `must be between 0 and ${MAX_DEADLINE_SECONDS}, inclusive`)];
    if (oldDeadline !== undefined && oldDeadline < deadline)
      return [...errors, invalid('spec.activeDeadlineSeconds', deadline, 'must be less than or equal to previous value')];
  } else if (oldDeadline !== undefined)
    errors.push(invalid('spec.activeDeadlineSeconds', null, 'must not update from a positive integer to nil value'));
  checkTolerations(errors, spec, before);
  checkGates(errors, spec, before);
  if (!semanticEqual(munged(spec, before), before)) errors.push(forbidden('spec', `${ONLY}\n`));
  return errors;
};

const checkTolerations = (errors: FieldError[], spec: PodSpec, before: PodSpec): void => {
  const now = spec.tolerations ?? [];
  const kept = (before.tolerations ?? []).every((old) =>
    now.some((toleration) => semanticEqual({ ...toleration, tolerationSeconds: 0 }, { ...old, tolerationSeconds: 0 })),
  );
  if (!kept) errors.push(forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'));
};

const checkGates = (errors: FieldError[], spec: PodSpec, before: PodSpec): void => {
  const was = new Set((before.schedulingGates ?? []).map(({ name }) => name));
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries())
    if (!was.has(name))
      errors.push(forbidden(`spec.schedulingGates[${index}]`, `only deletion is allowed, but found new scheduling gate '${name}'`));
};

/** The new spec with what may change as it was. */
const munged = (spec: PodSpec, before: PodSpec): PodSpec => {
  const withOldImages = (now: readonly Container[] | undefined, was: readonly Container[] | undefined): Container[] | undefined =>
    now?.map((container, index) => ({ ...container, image: was?.[index]?.image }));
  const gated = (before.schedulingGates?.length ?? 0) > 0;
  return {
    ...spec,
    containers: withOldImages(spec.containers, before.containers) ?? [],
    initContainers: withOldImages(spec.initContainers, before.initContainers),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    tolerations: before.tolerations,
    schedulingGates: before.schedulingGates,
    ...(gated ? { nodeSelector: before.nodeSelector, affinity: before.affinity } : {}),
    ...(spec.terminationGracePeriodSeconds === 1 && (before.terminationGracePeriodSeconds ?? 0) < 0
      ? { terminationGracePeriodSeconds: before.terminationGracePeriodSeconds }
      : {}),
  };
};
