import { limitRange } from '../../api/core/limit-range.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { addQuantities, compareQuantities, quantityMilliValue } from '../../api/meta/quantity.ts';
import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionWorld } from './admission.ts';

type Amounts = Record<string, string>;
type PodSpec = NonNullable<Pod['spec']>;

/** The LimitRanges of a namespace: what a container gets that asks for nothing, and how much it may ask for. */
export const createLimitRanger = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => {
  const itemsOf = async (namespace: string): Promise<LimitRangeItem[]> => {
    const { items } = await cache.resource(limitRange).list({ namespace });
    return items.flatMap((item) => (item.object as KubeObject & LimitRange).spec?.limits ?? []);
  };
  return {
    name: 'LimitRanger',
    resources: ['/pods', '/persistentvolumeclaims'],
    async admit(request) {
      if (!applies(request) || request.kind.plural !== 'pods') return;
      const spec = (request.object as KubeObject & Pod).spec;
      for (const item of await itemsOf(request.namespace)) if (item.type === 'Container' && spec) setDefaults(spec, item);
    },
    async validate(request) {
      if (!applies(request)) return;
      const limits = await itemsOf(request.namespace);
      if (limits.length === 0) return;
      const problems =
        request.kind.plural === 'pods'
          ? podProblems((request.object as KubeObject & Pod).spec as PodSpec, limits)
          : claimProblems(request.object as KubeObject & PersistentVolumeClaim, limits);
      if (problems.length)
        throw forbidden(
          { group: '', resource: request.kind.plural, name: request.name },
          problems.length === 1 ? (problems[0] as string) : `[${problems.join(', ')}]`,
        );
    },
  };
};

const applies = (request: AdmissionRequest): boolean =>
  request.object !== undefined &&
  request.subresource === '' &&
  (request.operation === 'CREATE' || (request.operation === 'UPDATE' && request.kind.plural === 'persistentvolumeclaims'));

const setDefaults = (spec: PodSpec, item: LimitRangeItem): void => {
  for (const container of [...(spec.initContainers ?? []), ...spec.containers] as Container[]) {
    const given = (container.resources ?? {}) as { limits?: Amounts; requests?: Amounts };
    const limits: Amounts = { ...(item.default as Amounts | undefined), ...given.limits };
    const requests: Amounts = { ...given.requests };
    for (const [name, amount] of Object.entries((item.defaultRequest as Amounts | undefined) ?? {}))
      requests[name] ??= given.limits?.[name] ?? amount;
    for (const [name, amount] of Object.entries(limits)) requests[name] ??= amount;
    container.resources = {
      ...container.resources,
      ...(Object.keys(limits).length ? { limits } : {}),
      ...(Object.keys(requests).length ? { requests } : {}),
    };
  }
};

interface Usage {
  requests: Amounts;
  limits: Amounts;
}

const usageOf = (container: Container): Usage => ({
  requests: (container.resources?.requests ?? {}) as Amounts,
  limits: (container.resources?.limits ?? {}) as Amounts,
});

const podProblems = (spec: PodSpec, items: readonly LimitRangeItem[]): string[] => {
  const problems: string[] = [];
  const containers = spec.containers.map(usageOf);
  for (const item of items) {
    if (item.type === 'Container')
      for (const usage of [...containers, ...(spec.initContainers ?? []).map(usageOf)]) problems.push(...boundProblems(item, usage));
    if (item.type === 'Pod') problems.push(...boundProblems(item, summed(containers)));
  }
  return problems;
};

const summed = (all: readonly Usage[]): Usage => {
  const total: Usage = { requests: {}, limits: {} };
  for (const usage of all)
    for (const field of ['requests', 'limits'] as const)
      for (const [name, amount] of Object.entries(usage[field])) {
        const so = total[field][name];
        total[field][name] = so === undefined ? amount : addQuantities(so, amount);
      }
  return total;
};

const boundProblems = (item: LimitRangeItem, { requests, limits }: Usage): string[] => {
  const problems: string[] = [];
  for (const [name, least] of Object.entries((item.min as Amounts | undefined) ?? {})) {
    const request = requests[name];
    if (request === undefined) problems.push(`minimum ${name} usage per ${item.type} is ${least}.  No request is specified`);
    else if (compareQuantities(request, least) < 0)
      problems.push(`minimum ${name} usage per ${item.type} is ${least}, but request is ${request}`);
    const limit = limits[name];
    if (limit !== undefined && compareQuantities(limit, least) < 0)
      problems.push(`minimum ${name} usage per ${item.type} is ${least}, but limit is ${limit}`);
  }
  for (const [name, most] of Object.entries((item.max as Amounts | undefined) ?? {})) {
    const limit = limits[name];
    if (limit === undefined) problems.push(`maximum ${name} usage per ${item.type} is ${most}.  No limit is specified`);
    else if (compareQuantities(limit, most) > 0) problems.push(`maximum ${name} usage per ${item.type} is ${most}, but limit is ${limit}`);
    const request = requests[name];
    if (request !== undefined && compareQuantities(request, most) > 0)
      problems.push(`maximum ${name} usage per ${item.type} is ${most}, but request is ${request}`);
  }
  for (const [name, ratio] of Object.entries((item.maxLimitRequestRatio as Amounts | undefined) ?? {})) {
    const limit = limits[name];
    const request = requests[name];
    if (limit === undefined || request === undefined) {
      problems.push(
        `${name} max limit to request ratio per ${item.type} is ${ratio}, but no ${limit === undefined ? 'limit' : 'request'} is specified or is 0`,
      );
      continue;
    }
    const actual = quantityMilliValue(limit) / Math.max(1, quantityMilliValue(request));
    if (actual > quantityMilliValue(ratio) / 1000)
      problems.push(`${name} max limit to request ratio per ${item.type} is ${ratio}, but provided ratio is ${actual.toFixed(6)}`);
  }
  return problems;
};

const claimProblems = (claim: KubeObject & PersistentVolumeClaim, items: readonly LimitRangeItem[]): string[] => {
  const problems: string[] = [];
  const request = claim.spec?.resources?.requests?.['storage'] as string | undefined;
  for (const item of items) {
    if (item.type !== 'PersistentVolumeClaim') continue;
    const least = item.min?.['storage'] as string | undefined;
    const most = item.max?.['storage'] as string | undefined;
    if (least !== undefined && (request === undefined || compareQuantities(request, least) < 0))
      problems.push(`minimum storage usage per PersistentVolumeClaim is ${least}, but request is ${request ?? '0'}`);
    if (most !== undefined && request !== undefined && compareQuantities(request, most) > 0)
      problems.push(`maximum storage usage per PersistentVolumeClaim is ${most}, but request is ${request}`);
  }
  return problems;
};
