import { resourceQuota } from '../../api/core/resource-quota.ts';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { addQuantities, canonicalQuantity, compareQuantities, subtractQuantities } from '../../api/meta/quantity.ts';
import { SCHEME } from '../../api/scheme.ts';
import type { ResourceQuota } from '../../api/types/core-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { CachedItem } from '../watch/watch-cache.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionWorld, Release } from './admission.ts';
import { type Amounts, inScope, missingRequests, usageOf } from './quota-usage.ts';

type QuotaObject = KubeObject & ResourceQuota;

/** What writes under way will use, by `namespace`. */
interface Pending {
  readonly kind: Kind;
  readonly object: KubeObject;
  /** Counted already where it was stored before. */
  readonly old: KubeObject | undefined;
}

/**
 * Holds namespaces within their ResourceQuotas. What is used is counted from what is stored plus what other writes are about to store,
 * in one turn of the event loop: no two writes can both take the last place. `status.used` follows what was written.
 */
export const createResourceQuota = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => {
  const quotas = cache.resource(resourceQuota);
  const pending = new Map<string, Set<Pending>>();

  const storedUsage = (quota: QuotaObject, namespace: string): Amounts => {
    const total: Amounts = {};
    for (const kind of kindsCounted(quota))
      for (const item of cache.resource(kind).items({ namespace })) addTo(total, usageOf(kind, item.object), quota, kind, item.object);
    return total;
  };

  const refreshStatus = async (namespace: string): Promise<void> => {
    for (const item of (await quotas.list({ namespace })).items) {
      const quota = item.parse() as QuotaObject;
      await load(quota);
      const hard = (quota.spec?.hard ?? {}) as Amounts;
      const usage = storedUsage(quota, namespace);
      const used = Object.fromEntries(Object.keys(hard).map((name) => [name, canonicalQuantity(usage[name] ?? '0')]));
      if (JSON.stringify(quota.status?.used) === JSON.stringify(used) && JSON.stringify(quota.status?.hard) === JSON.stringify(hard))
        continue;
      quota.status = { hard, used };
      // The next write brings it up to date when this one lost a race.
      await quotas.update(item as CachedItem, quota).catch(() => undefined);
    }
  };

  const load = async (quota: QuotaObject): Promise<void> => {
    await Promise.all(kindsCounted(quota).map((kind) => cache.resource(kind).list({ limit: 1 })));
  };

  return {
    name: 'ResourceQuota',
    resources: ['*'],
    async validate(request): Promise<Release | undefined> {
      const { kind, namespace, operation } = request;
      if (!kind.namespaced || UNCOUNTED.has(kind.plural)) return undefined;
      const isQuota = kind.group === '' && kind.plural === 'resourcequotas';
      if (!isQuota && operation === 'UPDATE' && !COUNTED_ON_UPDATE.has(kind.plural)) return undefined;
      const { items } = await quotas.list({ namespace });
      if (items.length === 0 && !isQuota) return undefined;
      const refresh = (stored: boolean): void => {
        if (stored && !(isQuota && operation === 'DELETE')) setImmediate(() => void refreshStatus(namespace).catch(() => undefined));
      };
      if (operation === 'DELETE' || request.subresource !== '' || isQuota) return refresh;
      const mine: Pending = { kind, object: request.object as KubeObject, old: request.old };
      for (const item of items) await load(item.object as QuotaObject);
      const waiting = pending.get(namespace) ?? new Set();
      pending.set(namespace, waiting);
      for (const item of items)
        check(request, item.object as QuotaObject, storedUsage(item.object as QuotaObject, namespace), [...waiting], mine);
      waiting.add(mine);
      return (stored) => {
        waiting.delete(mine);
        if (waiting.size === 0) pending.delete(namespace);
        refresh(stored);
      };
    },
  };
};

/** Many, and never worth counting. */
const UNCOUNTED = new Set(['events', 'leases', 'localsubjectaccessreviews', 'bindings', 'endpointslices']);
const COUNTED_ON_UPDATE = new Set(['pods', 'services', 'persistentvolumeclaims']);

const kindsCounted = (quota: QuotaObject): Kind[] => {
  const kinds = new Set<Kind>();
  const add = (group: string, plural: string): void => {
    const kind = SCHEME.kinds.find((one) => one.group === group && one.plural === plural && one.storageVersion === one.version);
    if (kind?.namespaced) kinds.add(kind);
  };
  for (const name of Object.keys(quota.spec?.hard ?? {})) {
    if (name.startsWith('count/')) {
      const [plural = '', ...group] = name.slice('count/'.length).split('.');
      add(group.join('.'), plural);
    } else if (name.startsWith('services')) add('', 'services');
    else if (name === 'persistentvolumeclaims' || (name.includes('storage') && !name.includes('ephemeral')))
      add('', 'persistentvolumeclaims');
    else if (OBJECTS.has(name)) add('', name);
    else add('', 'pods');
  }
  return [...kinds];
};

const OBJECTS = new Set(['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas']);

const addTo = (total: Amounts, usage: Amounts, quota: QuotaObject, kind: Kind, object: KubeObject): void => {
  if (!inScope(quota, kind, object)) return;
  for (const [name, amount] of Object.entries(usage)) total[name] = addQuantities(total[name] ?? '0', amount);
};

const check = (request: AdmissionRequest, quota: QuotaObject, stored: Amounts, waiting: readonly Pending[], mine: Pending): void => {
  const { kind, object } = mine;
  if (!inScope(quota, kind, object)) return;
  const target = { group: kind.group, resource: kind.plural, name: request.name };
  const hard = (quota.spec?.hard ?? {}) as Amounts;
  const name = quota.metadata.name;
  if (request.operation === 'CREATE') {
    const missing = missingRequests(kind, object, Object.keys(hard));
    if (missing.length) throw forbidden(target, `failed quota: ${name}: must specify ${missing.join('; ')}`);
  }
  const delta = usageOf(kind, object);
  if (mine.old)
    for (const [resource, amount] of Object.entries(usageOf(kind, mine.old)))
      delta[resource] = subtractQuantities(delta[resource] ?? '0', amount);
  const used: Amounts = { ...stored };
  for (const other of waiting) if (!other.old) addTo(used, usageOf(other.kind, other.object), quota, other.kind, other.object);
  const over = Object.keys(hard)
    .sort()
    .filter((resource) => {
      const more = delta[resource];
      if (more === undefined || compareQuantities(more, '0') <= 0) return false;
      return compareQuantities(addQuantities(used[resource] ?? '0', more), hard[resource] as string) > 0;
    });
  if (over.length === 0) return;
  const text = (of: Amounts): string => over.map((resource) => `${resource}=${canonicalQuantity(of[resource] ?? '0')}`).join(',');
  throw forbidden(target, `exceeded quota: ${name}, requested: ${text(delta)}, used: ${text(used)}, limited: ${text(hard)}`);
};
