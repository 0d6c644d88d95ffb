import type { Kind } from '../../api/kind.ts';
import { invalidObject, notSupported } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { badRequest, conflict, notFound } from '../../api/meta/status.ts';
import type { CachedItem } from '../watch/watch-cache.ts';
import { rawBody } from './body.ts';
import type { Answer, ApiCall } from './call.ts';
import { presentItem } from './present.ts';
import { admissionRequest, presented, type Registry } from './registry.ts';
import { isMismatch, modified, writeError } from './store-errors.ts';

interface DeleteOptions {
  gracePeriodSeconds: number | undefined;
  propagationPolicy: 'Orphan' | 'Background' | 'Foreground' | undefined;
  orphanDependents: boolean | undefined;
  preconditions: { uid?: string; resourceVersion?: string } | undefined;
  dryRun: boolean;
}

const TRIES = 10;
const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';
const POLICIES = ['Foreground', 'Background', 'Orphan'];

/** Kinds whose deletion answers with the object instead of a Status. */
const RETURNS_OBJECT = new Set([
  'resource.k8s.io/resourceclaimtemplates',
  'resource.k8s.io/resourceslices',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/deviceclasses',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/volumeattributesclasses',
  '/resourcequotas',
  '/persistentvolumes',
  '/serviceaccounts',
  '/persistentvolumeclaims',
  '/namespaces',
  '/pods',
  '/services',
  '/podtemplates',
]);

/** Deletes one object, or marks it where finalizers or a grace period hold it. */
export const deleteObject = async (registry: Registry, call: ApiCall, name: string): Promise<Answer> => {
  const { kind } = call;
  const options = deleteOptionsOf(call);
  const resource = registry.cacheOf(kind);
  const target = { namespace: kind.namespaced ? call.info.namespace : '', name };
  for (let attempt = 1; ; attempt++) {
    const old = await resource.get(target);
    if (!old) throw notFound(kind, name);
    checkPreconditions(kind, old, options);
    const request = admissionRequest(call, {
      operation: 'DELETE',
      object: undefined,
      old: presented(kind, await presentItem(kind, old)),
      dryRun: options.dryRun,
      name,
    });
    await registry.parts.admission.admit(request);
    const release = await registry.parts.admission.validate(request);
    let stored = false;
    try {
      const answer = await deleteOnce(registry, call, { old, options });
      stored = true;
      return answer.type === 'item' ? { ...answer, item: await presentItem(kind, answer.item) } : answer;
    } catch (error) {
      if (!isMismatch(error)) throw writeError(kind, name, error);
      if (attempt >= TRIES || options.preconditions?.resourceVersion) throw modified(kind, name);
    } finally {
      release?.(stored);
    }
  }
};

const deleteOnce = async (registry: Registry, call: ApiCall, step: { old: CachedItem; options: DeleteOptions }): Promise<Answer> => {
  const { kind } = call;
  const { old, options } = step;
  const resource = registry.cacheOf(kind);
  const now = registry.parts.now();
  const marked = markForDeletion(kind, old, { options, now });
  if (marked === undefined) {
    const gone = options.dryRun ? old : await resource.delete(old);
    return deleted(kind, gone);
  }
  const waits = options.propagationPolicy === 'Foreground' || options.orphanDependents === false;
  const code = waits ? 202 : 200;
  if (marked === 'unchanged') return { type: 'item', code, kind, item: old };
  if (options.dryRun) return { type: 'object', code, kind, object: marked };
  return { type: 'item', code, kind, item: await resource.update(old, marked) };
};

const deleted = (kind: Kind, item: CachedItem): Answer => {
  if (RETURNS_OBJECT.has(`${kind.group}/${kind.plural}`)) return { type: 'item', code: 200, kind, item };
  const details = { name: item.name, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural, uid: item.uid };
  return {
    type: 'object',
    code: 200,
    kind: undefined,
    object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details },
  };
};

/** The object as it waits for its end; undefined when it may go at once; 'unchanged' when it waits already. */
const markForDeletion = (
  kind: Kind,
  item: CachedItem,
  { options, now }: { options: DeleteOptions; now: number },
): KubeObject | 'unchanged' | undefined => {
  const old = item.object;
  const was = old.metadata;
  const grace = kind.deletionGraceSeconds?.(old, options.gracePeriodSeconds) ?? 0;
  const finalizers = finalizersAfter(kind, old, options);
  const held = finalizers.length > 0 || holdsItself(kind, old);
  if (!held && grace === 0) return undefined;
  const next = item.parse();
  const { metadata } = next;
  let changed = false;
  if (finalizers.join() !== (was.finalizers ?? []).join()) {
    metadata.finalizers = finalizers;
    changed = true;
  }
  const isNamespace = kind.group === '' && kind.plural === 'namespaces';
  if (!was.deletionTimestamp) {
    metadata.deletionTimestamp = secondsText(now + grace * 1000);
    if (!isNamespace) metadata.deletionGracePeriodSeconds = grace;
    if (was.generation !== undefined && was.generation > 0) metadata.generation = was.generation + 1;
    if (isNamespace) next['status'] = { ...(next['status'] as object | undefined), phase: 'Terminating' };
    changed = true;
  } else if (was.deletionGracePeriodSeconds !== undefined && grace < was.deletionGracePeriodSeconds) {
    // A later deletion may only shorten the wait.
    const began = Date.parse(was.deletionTimestamp) - was.deletionGracePeriodSeconds * 1000;
    metadata.deletionTimestamp = secondsText(began + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    changed = true;
  }
  return changed ? next : 'unchanged';
};

/** Namespaces keep their finalizers in spec. */
const holdsItself = (kind: Kind, object: KubeObject): boolean =>
  kind.group === '' && kind.plural === 'namespaces' && !!(object['spec'] as { finalizers?: string[] } | undefined)?.finalizers?.length;

const finalizersAfter = (kind: Kind, object: KubeObject, options: DeleteOptions): string[] => {
  const existing = object.metadata.finalizers ?? [];
  const others = existing.filter((name) => name !== ORPHAN && name !== FOREGROUND);
  if (options.orphanDependents !== undefined) return options.orphanDependents ? [...others, ORPHAN] : others;
  switch (options.propagationPolicy) {
    case 'Orphan':
      return [...others, ORPHAN];
    case 'Foreground':
      return [...others, FOREGROUND];
    case 'Background':
      return others;
    default:
      if (existing.length > others.length) return existing;
      return kind.defaultPropagation === 'Orphan' ? [...others, ORPHAN] : others;
  }
};

/** Throws 409 when the object is not the one that was meant. */
export const checkPreconditions = (kind: Kind, old: CachedItem, { preconditions }: Pick<DeleteOptions, 'preconditions'>): void => {
  if (!preconditions) return;
  const named = { group: kind.group, plural: kind.kind };
  const { uid, resourceVersion } = preconditions;
  if (uid && uid !== old.uid)
    throw conflict(
      named,
      old.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${old.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion && resourceVersion !== String(old.revision))
    throw conflict(
      named,
      old.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.revision}). The object might have been modified`,
    );
};

/** From the body, else from the query. Throws 400 or 422. */
const deleteOptionsOf = (call: ApiCall): DeleteOptions => {
  const raw = rawBody(call.body, { kind: 'DeleteOptions' });
  const given = raw === undefined || raw === null ? fromQuery(call) : raw;
  if (typeof given !== 'object' || Array.isArray(given)) throw badRequest('the body of a deletion must be DeleteOptions');
  const options = given as Record<string, unknown>;
  if (raw && options['kind'] !== undefined && options['kind'] !== 'DeleteOptions')
    throw badRequest(`${String(options['apiVersion'] ?? '')}, Kind=${String(options['kind'])} cannot be used as DeleteOptions`);
  const dryRun = (options['dryRun'] as string[] | undefined) ?? [];
  const policy = options['propagationPolicy'] as DeleteOptions['propagationPolicy'] | null | undefined;
  const orphan = options['orphanDependents'] as boolean | null | undefined;
  const errors = [];
  if (policy && !POLICIES.includes(policy))
    errors.push(notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']));
  if (policy && orphan !== undefined && orphan !== null)
    errors.push({
      type: 'FieldValueInvalid' as const,
      field: 'propagationPolicy',
      message: `Invalid value: ${JSON.stringify(policy)}: orphanDependents and deletionPropagation cannot be both set`,
    });
  for (const value of dryRun) if (value !== 'All') errors.push(notSupported('dryRun', value, ['All']));
  if (errors.length) throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  const grace = options['gracePeriodSeconds'];
  return {
    gracePeriodSeconds: typeof grace === 'number' ? Math.max(0, grace) : undefined,
    propagationPolicy: policy ?? undefined,
    orphanDependents: orphan ?? undefined,
    preconditions: (options['preconditions'] as DeleteOptions['preconditions'] | null) ?? undefined,
    dryRun: dryRun.length > 0,
  };
};

const fromQuery = ({ query }: ApiCall): Record<string, unknown> => {
  const grace = query.get('gracePeriodSeconds');
  const orphan = query.get('orphanDependents');
  const dryRun = query.get('dryRun');
  return {
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(orphan === null ? {} : { orphanDependents: orphan === 'true' || orphan === '1' }),
    ...(query.get('propagationPolicy') ? { propagationPolicy: query.get('propagationPolicy') } : {}),
    ...(dryRun ? { dryRun: [dryRun] } : {}),
  };
};

const secondsText = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
