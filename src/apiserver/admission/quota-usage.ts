import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { addQuantities, compareQuantities } from '../../api/meta/quantity.ts';
import type { Container, PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../../api/types/core-v1.ts';

export type Amounts = Record<string, string>;

/** What one object takes from a quota, under the names that quotas use. */
export const usageOf = (kind: Kind, object: KubeObject): Amounts => {
  const usage: Amounts = { [`count/${kind.group ? `${kind.plural}.${kind.group}` : kind.plural}`]: '1' };
  if (kind.group !== '') return usage;
  switch (kind.plural) {
    case 'pods':
      return { ...usage, ...podUsage(object as KubeObject & Pod) };
    case 'services':
      return { ...usage, ...serviceUsage(object as KubeObject & Service) };
    case 'persistentvolumeclaims':
      return { ...usage, ...claimUsage(object as KubeObject & PersistentVolumeClaim) };
    default:
      return { ...usage, [kind.plural]: '1' };
  }
};

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];

const isOver = (pod: KubeObject & Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

const podUsage = (pod: KubeObject & Pod): Amounts => {
  if (isOver(pod)) return {};
  const usage: Amounts = { pods: '1' };
  const requests = effective(pod, 'requests');
  const limits = effective(pod, 'limits');
  for (const [name, amount] of Object.entries(requests)) {
    usage[`requests.${name}`] = amount;
    if (COMPUTE.includes(name)) usage[name] = amount;
  }
  for (const [name, amount] of Object.entries(limits)) usage[`limits.${name}`] = amount;
  return usage;
};

/** The sum of the containers, or the largest init container where that is more. */
const effective = (pod: KubeObject & Pod, field: 'requests' | 'limits'): Amounts => {
  const total: Amounts = {};
  const of = (container: Container): Amounts => (container.resources?.[field] ?? {}) as Amounts;
  const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';
  for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)])
    for (const [name, amount] of Object.entries(of(container))) total[name] = addQuantities(total[name] ?? '0', amount);
  for (const container of pod.spec?.initContainers ?? [])
    if (!isSidecar(container))
      for (const [name, amount] of Object.entries(of(container)))
        if (compareQuantities(amount, total[name] ?? '0') > 0) total[name] = amount;
  return total;
};

const serviceUsage = ({ spec }: KubeObject & Service): Amounts => {
  const usage: Amounts = { services: '1' };
  const ports = String(spec?.ports?.length ?? 0);
  if (spec?.type === 'NodePort') usage['services.nodeports'] = ports;
  if (spec?.type === 'LoadBalancer') {
    usage['services.loadbalancers'] = '1';
    if (spec.allocateLoadBalancerNodePorts !== false) usage['services.nodeports'] = ports;
  }
  return usage;
};

const claimUsage = ({ spec }: KubeObject & PersistentVolumeClaim): Amounts => {
  const storage = (spec?.resources?.requests?.['storage'] as string | undefined) ?? '0';
  const usage: Amounts = { persistentvolumeclaims: '1', 'requests.storage': storage };
  if (spec?.storageClassName) {
    usage[`${spec.storageClassName}.storageclass.storage.k8s.io/persistentvolumeclaims`] = '1';
    usage[`${spec.storageClassName}.storageclass.storage.k8s.io/requests.storage`] = storage;
  }
  return usage;
};

interface ScopeRequirement {
  scopeName: string;
  operator: string;
  values?: string[];
}

/** Whether a quota counts this object: scopes narrow it to some pods. */
export const inScope = (quota: KubeObject & ResourceQuota, kind: Kind, object: KubeObject): boolean => {
  const scopes: ScopeRequirement[] = [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName: scopeName as string, operator: 'Exists' })),
    ...((quota.spec?.scopeSelector?.matchExpressions ?? []) as ScopeRequirement[]),
  ];
  if (scopes.length === 0) return true;
  if (kind.group !== '' || kind.plural !== 'pods') return false;
  return scopes.every((scope) => holds(scope, object as KubeObject & Pod));
};

const holds = ({ scopeName, operator, values = [] }: ScopeRequirement, pod: KubeObject & Pod): boolean => {
  const ends = pod.spec?.activeDeadlineSeconds !== undefined && pod.spec.activeDeadlineSeconds >= 0;
  const isBestEffort = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].every(
    ({ resources }) => Object.keys(resources?.requests ?? {}).length === 0 && Object.keys(resources?.limits ?? {}).length === 0,
  );
  switch (scopeName) {
    case 'Terminating':
      return ends;
    case 'NotTerminating':
      return !ends;
    case 'BestEffort':
      return isBestEffort;
    case 'NotBestEffort':
      return !isBestEffort;
    case 'PriorityClass': {
      const name = pod.spec?.priorityClassName ?? '';
      if (operator === 'Exists') return name !== '';
      if (operator === 'DoesNotExist') return name === '';
      return operator === 'In' ? values.includes(name) : !values.includes(name);
    }
    default:
      return true;
  }
};

/** `limits.cpu for: web` for every amount that the quota counts and a container leaves open. */
export const missingRequests = (kind: Kind, object: KubeObject, counted: readonly string[]): string[] => {
  if (kind.group !== '' || kind.plural !== 'pods') return [];
  const { spec } = object as KubeObject & Pod;
  const missing: string[] = [];
  for (const name of [...counted].sort()) {
    const match = /^(?:(requests|limits)\.)?(cpu|memory|ephemeral-storage)$/.exec(name);
    if (!match) continue;
    const field = (match[1] ?? 'requests') as 'requests' | 'limits';
    const open = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].filter(
      (container) => container.resources?.[field]?.[match[2] as string] === undefined,
    );
    if (open.length) missing.push(`${name} for: ${open.map((container) => container.name).join(',')}`);
  }
  return missing;
};
