import type { Kind } from '../../api/kind.ts';
import { type FieldError, invalid, invalidObject } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { badRequest, conflict, notFound, statusError } from '../../api/meta/status.ts';
import { serverSideApply, trackManagedFields } from '../../api/patch/apply.ts';
import { applyPatch } from '../../api/patch/patch.ts';
import { prepareForStatusUpdate, prepareForUpdate, validateStatusUpdate, validateUpdate, warningsFor } from '../../api/strategy.ts';
import type { CachedItem } from '../watch/watch-cache.ts';
import { checkYamlKeys, decodeBody, decodeRaw, patchBody, rawBody } from './body.ts';
import { type Answer, type ApiCall, type WriteOptions, writeOptionsOf } from './call.ts';
import { PARTIAL_UPDATES } from './partial-updates.ts';
import { presentItem } from './present.ts';
import { admissionRequest, nameMismatch, placeInNamespace, presented, type Registry } from './registry.ts';
import { isMismatch, modified, writeError } from './store-errors.ts';

/** How often a write that names no resourceVersion is tried again when another one came first. */
const TRIES = 5;

const CREATED_BY_UPDATE = new Set([
  'node.k8s.io/runtimeclasses',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'rbac.authorization.k8s.io/roles',
  'rbac.authorization.k8s.io/clusterroles',
  'coordination.k8s.io/leases',
  '/limitranges',
  '/events',
  'events.k8s.io/events',
  '/services',
  '/endpoints',
]);

/** Kinds whose updates must name the resourceVersion that they replace. */
const NEED_RESOURCE_VERSION = new Set([
  'node.k8s.io/runtimeclasses',
  'policy/poddisruptionbudgets',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csistoragecapacities',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/csinodes',
  'coordination.k8s.io/leases',
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'admissionregistration.k8s.io/mutatingadmissionpolicies',
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'apiextensions.k8s.io/customresourcedefinitions',
  'apiregistration.k8s.io/apiservices',
]);

export const updateObject = async (registry: Registry, call: ApiCall): Promise<Answer> => {
  const { kind, info } = call;
  const options = writeOptionsOf(call, 'UpdateOptions');
  const object = decodeBody(call, kind, options);
  if (!object.metadata.name)
    throw badRequest(`the name of the object (${info.name} based on URL) was undeterminable: name must be provided`);
  if (object.metadata.name !== info.name) throw nameMismatch(object.metadata.name, info.name);
  placeInNamespace(kind, object, info.namespace);
  const exists = await registry.cacheOf(kind).get(registry.targetOf(call));
  if (!exists && info.subresource === '' && CREATED_BY_UPDATE.has(`${kind.group}/${kind.plural}`)) {
    if (object.metadata.resourceVersion)
      throw conflict(kind, info.name, 'StorageError: invalid object, Code: 4, Key: , ResourceVersion: 0, AdditionalErrorMsg: ');
    return registry.createObject(call, object, options);
  }
  const resourceVersion = object.metadata.resourceVersion;
  if (!resourceVersion && NEED_RESOURCE_VERSION.has(`${kind.group}/${kind.plural}`) && info.subresource === '') {
    if (!exists) throw notFound(kind, info.name);
    throw invalidObject(kind, info.name, [
      { type: 'FieldValueInvalid', field: 'metadata.resourceVersion', message: 'Invalid value: 0x0: must be specified for an update' },
    ]);
  }
  return writeUpdate(registry, call, {
    options,
    manage: 'Update',
    tries: resourceVersion ? 1 : TRIES,
    produce: (_old, attempt) => (attempt === 1 ? object : structuredClone(object)),
  });
};

const PATCH_TYPES = new Set<string>([
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]);

export const patchObject = async (registry: Registry, call: ApiCall): Promise<Answer> => {
  const { kind } = call;
  const type = call.body.contentType;
  if (!PATCH_TYPES.has(type) || (type === 'application/strategic-merge-patch+json' && kind.schema === undefined))
    throw unsupportedPatch(kind);
  const options = writeOptionsOf(call, 'PatchOptions');
  if (type === 'application/apply-patch+yaml') return applyObject(registry, call, options);
  const patch = patchBody(call.body);
  return writeUpdate(registry, call, {
    options,
    manage: 'Update',
    tries: TRIES,
    produce: (old) => {
      const patched = applyPatch(kind, presented(kind, old), type, patch);
      const next = decodeRaw(call, kind, patched, options);
      if (next.metadata.name !== call.info.name) throw nameMismatch(next.metadata.name ?? '', call.info.name);
      return next;
    },
  });
};

const unsupportedPatch = (kind: Kind) => {
  const types = [...PATCH_TYPES].filter((type) => kind.schema !== undefined || type !== 'application/strategic-merge-patch+json');
  return statusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}`,
  );
};

const applyObject = async (registry: Registry, call: ApiCall, options: WriteOptions): Promise<Answer> => {
  const { kind, info, query } = call;
  if (!query.get('fieldManager'))
    throw invalidObject({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      { type: 'FieldValueRequired', field: 'fieldManager', message: 'Required value: is required for apply patch' },
    ]);
  checkYamlKeys(call, options.fieldValidation);
  const applied = decodeRaw(call, kind, rawBody(call.body, kind), { fieldValidation: options.fieldValidation, applied: true });
  const { metadata } = applied;
  if (metadata.name && metadata.name !== info.name) throw nameMismatch(metadata.name, info.name);
  metadata.name = info.name;
  placeInNamespace(kind, applied, info.namespace);
  const merge = (live: KubeObject | undefined): KubeObject =>
    serverSideApply(kind, live, applied, {
      manager: options.fieldManager,
      force: options.force,
      now: nowText(registry),
      subresource: info.subresource,
    });
  const exists = await registry.cacheOf(kind).get(registry.targetOf(call));
  if (!exists) {
    if (info.subresource) throw notFound(kind, info.name);
    if (metadata.resourceVersion || metadata.uid) throw conflict(kind, info.name, 'the object does not exist');
    const object = decodeRaw(call, kind, merge(undefined), options);
    return registry.createObject(call, object, { ...options, managed: true });
  }
  return writeUpdate(registry, call, {
    options,
    manage: undefined,
    tries: TRIES,
    produce: (old) => decodeRaw(call, kind, merge(presented(kind, old)), { fieldValidation: 'Ignore' }),
  });
};

const nowText = (registry: Registry): string => new Date(registry.parts.now()).toISOString().replace(/\.\d+Z$/, 'Z');

export interface UpdatePlan {
  readonly options: Pick<WriteOptions, 'dryRun' | 'fieldManager'>;
  /** Records who owns which field; undefined when the object says so already (apply). */
  readonly manage: 'Update' | undefined;
  readonly tries: number;
  /** The object that is to replace `old`, in the version of the call; the caller's to change. */
  produce(old: CachedItem, attempt: number): KubeObject | Promise<KubeObject>;
  /** Skips the strategies that keep spec or status as they were: for bindings and the like. */
  readonly whole?: boolean;
}

/** Reads, changes, checks and writes one object, again where another write came first. */
export const writeUpdate = async (registry: Registry, call: ApiCall, plan: UpdatePlan): Promise<Answer> => {
  const { kind, info } = call;
  const resource = registry.cacheOf(kind);
  for (let attempt = 1; ; attempt++) {
    const old = await resource.get(registry.targetOf(call));
    if (!old) throw notFound(kind, info.name);
    const shown = await presentItem(kind, old);
    try {
      return await updateOnce(registry, call, plan, { old, shown, next: await plan.produce(shown, attempt) });
    } catch (error) {
      if (!isMismatch(error)) throw error;
      if (attempt >= plan.tries) throw modified(kind, info.name);
    }
  }
};

const updateOnce = async (
  registry: Registry,
  call: ApiCall,
  plan: UpdatePlan,
  step: { old: CachedItem; shown: CachedItem; next: KubeObject },
): Promise<Answer> => {
  const { kind, info } = call;
  const { old, next } = step;
  const before = presented(kind, step.shown);
  checkPreconditions(kind, next, old);
  keepSystemFields(next, before, plan.whole === true);
  const { dryRun } = plan.options;
  if (plan.manage)
    trackManagedFields(kind, {
      old: before,
      object: next,
      manager: plan.options.fieldManager,
      operation: plan.manage,
      subresource: info.subresource,
      now: nowText(registry),
    });
  const request = admissionRequest(call, { operation: 'UPDATE', object: next, old: before, dryRun, name: info.name });
  const wait = registry.parts.admission.admit(request);
  if (wait) await wait;
  prepare(kind, info.subresource, { next, before, whole: plan.whole === true, now: nowText(registry) });
  const settle = info.subresource === '' ? await registry.hooks.beforeUpdate(kind, next, before, dryRun) : undefined;
  let stored = false;
  let release: ((stored: boolean) => void) | undefined;
  try {
    const errors = check(kind, info.subresource, next, before);
    if (errors.length) throw invalidObject(kind, info.name, errors);
    for (const line of warningsFor(kind, next, before)) call.warnings.push(line);
    release = await registry.parts.admission.validate(request);
    if (dryRun) {
      next.metadata.resourceVersion = String(old.revision);
      return { type: 'object', code: 200, kind, object: next };
    }
    const item = await store(registry, call, { old, next });
    stored = true;
    return { type: 'item', code: 200, kind, item: await presentItem(kind, item) };
  } finally {
    settle?.();
    release?.(stored);
  }
};

const store = async (registry: Registry, call: ApiCall, { old, next }: { old: CachedItem; next: KubeObject }): Promise<CachedItem> => {
  const { kind, info } = call;
  const resource = registry.cacheOf(kind);
  try {
    if (isFinished(kind, next, old.object)) return await resource.delete(old);
    return await resource.update(old, await registry.toStorage(kind, next));
  } catch (error) {
    throw isMismatch(error) ? error : writeError(kind, info.name, error);
  }
};

/** An object that is being deleted and that nothing holds any more goes with the write that let go of it. */
const isFinished = (kind: Kind, next: KubeObject, old: KubeObject): boolean => {
  if (!old.metadata.deletionTimestamp || next.metadata.finalizers?.length) return false;
  if (kind.group === '' && kind.plural === 'namespaces') {
    const spec = next['spec'] as { finalizers?: string[] } | undefined;
    return !spec?.finalizers?.length;
  }
  return !old.metadata.deletionGracePeriodSeconds;
};

const checkPreconditions = (kind: Kind, next: KubeObject, old: CachedItem): void => {
  const { resourceVersion, uid } = next.metadata;
  if (uid && uid !== old.uid)
    throw conflict(
      kind,
      old.name,
      `StorageError: invalid object, Code: 4, Key: /registry/${kind.plural}/${old.namespace ? `${old.namespace}/` : ''}${old.name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.uid}`,
    );
  if (resourceVersion && resourceVersion !== '0' && resourceVersion !== String(old.revision)) {
    if (!/^\d+$/.test(resourceVersion))
      throw invalidObject(kind, old.name, [
        invalid(
          'metadata.resourceVersion',
          resourceVersion,
          `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`,
        ),
      ]);
    throw modified(kind, old.name);
  }
};

/** What clients may leave out of an update without meaning to remove it. */
const keepSystemFields = (next: KubeObject, before: KubeObject, whole: boolean): void => {
  const { metadata } = next;
  const was = before.metadata;
  delete metadata.resourceVersion;
  delete metadata.selfLink;
  metadata.uid = was.uid;
  if (!metadata.creationTimestamp) metadata.creationTimestamp = was.creationTimestamp;
  if (!metadata.deletionTimestamp && was.deletionTimestamp) metadata.deletionTimestamp = was.deletionTimestamp;
  if (metadata.deletionGracePeriodSeconds === undefined && was.deletionGracePeriodSeconds !== undefined)
    metadata.deletionGracePeriodSeconds = was.deletionGracePeriodSeconds;
  if (whole) return;
  if (was.generation === undefined) delete metadata.generation;
  else metadata.generation = was.generation;
};

const prepare = (
  kind: Kind,
  subresource: string,
  { next, before, whole, now }: { next: KubeObject; before: KubeObject; whole: boolean; now: string },
): void => {
  if (whole) return;
  const partial = PARTIAL_UPDATES[`${kind.group}/${kind.plural}/${subresource}`];
  if (partial) partial(next, before, now);
  else if (subresource === 'status') prepareForStatusUpdate(kind, next, before);
  else prepareForUpdate(kind, next, before);
};

const check = (kind: Kind, subresource: string, next: KubeObject, before: KubeObject): FieldError[] =>
  subresource === 'status' ? validateStatusUpdate(kind, next, before) : subresource === '' ? validateUpdate(kind, next, before) : [];
