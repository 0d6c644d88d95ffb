import { randomUUID } from 'node:crypto';
import { configMap } from '../../api/core/config-map.ts';
import { namespace } from '../../api/core/namespace.ts';
import type { Kind } from '../../api/kind.ts';
import { apiVersionOf, type KubeObject } from '../../api/meta/object.ts';
import { clusterRole } from '../../api/rbac/cluster-role.ts';
import { clusterRoleBinding } from '../../api/rbac/cluster-role-binding.ts';
import { role } from '../../api/rbac/role.ts';
import { roleBinding } from '../../api/rbac/role-binding.ts';
import { priorityClass } from '../../api/scheduling/priority-class.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import { StoreError } from '../../store/store.ts';
import { aggregatedRules } from '../auth/aggregated-rules.ts';
import type { WatchCache } from '../watch/watch-cache.ts';
import defaults from './rbac-defaults.json' with { type: 'json' };

interface RbacDefault {
  kind: string;
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  rules?: PolicyRule[];
  roleRef?: { kind: string; name: string };
  subjects?: KubeObject[];
}

const GROUP = 'rbac.authorization.k8s.io';
const KINDS: Readonly<Record<string, Kind>> = {
  ClusterRole: clusterRole,
  ClusterRoleBinding: clusterRoleBinding,
  Role: role,
  RoleBinding: roleBinding,
};

/** Beyond upstream's: the Service proxy and cluster DNS run inside the node's agent, under the node's own name. */
const OURS: readonly RbacDefault[] = [
  {
    kind: 'ClusterRole',
    name: 'slipway:node-network',
    rules: [
      { apiGroups: [''], resources: ['services', 'nodes', 'namespaces', 'endpoints'], verbs: ['list', 'watch', 'get'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch', 'get'] },
    ],
  },
  {
    kind: 'ClusterRoleBinding',
    name: 'slipway:node-network',
    roleRef: { kind: 'ClusterRole', name: 'slipway:node-network' },
    subjects: [{ kind: 'Group', apiGroup: GROUP, name: 'system:nodes' } as unknown as KubeObject],
  },
  {
    kind: 'ClusterRoleBinding',
    name: 'slipway:kubelet-api-admin',
    roleRef: { kind: 'ClusterRole', name: 'system:kubelet-api-admin' },
    subjects: [{ kind: 'User', apiGroup: GROUP, name: 'kube-apiserver-kubelet-client' } as unknown as KubeObject],
  },
  // Nodes renew their own client certificates: kubeadm makes the same binding.
  {
    kind: 'ClusterRoleBinding',
    name: 'slipway:node-certificate-rotation',
    roleRef: { kind: 'ClusterRole', name: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient' },
    subjects: [{ kind: 'Group', apiGroup: GROUP, name: 'system:nodes' } as unknown as KubeObject],
  },
  // Upstream leaves serving certificates to a person; here they are approved for what is surely the node's own.
  {
    kind: 'ClusterRole',
    name: 'slipway:serving-certificate-approver',
    rules: [
      { apiGroups: ['certificates.k8s.io'], resources: ['signers'], resourceNames: ['kubernetes.io/kubelet-serving'], verbs: ['approve'] },
    ],
  },
  {
    kind: 'ClusterRoleBinding',
    name: 'slipway:serving-certificate-approver',
    roleRef: { kind: 'ClusterRole', name: 'slipway:serving-certificate-approver' },
    subjects: [{ kind: 'ServiceAccount', name: 'certificate-controller', namespace: 'kube-system' } as unknown as KubeObject],
  },
];

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/** What every cluster has from its first moment: namespaces, priority classes, upstream's roles and bindings. Existing objects stay. */
export const bootstrapObjects = async (
  cache: WatchCache,
  options: { clientCaPem: string; now: () => number; log: Logger },
): Promise<void> => {
  const now = new Date(options.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const ensure = async (kind: Kind, object: Omit<KubeObject, 'metadata'> & { metadata: KubeObject['metadata'] }): Promise<void> => {
    const { name = '', namespace: inNamespace = '' } = object.metadata;
    const resource = cache.resource(kind);
    const existing = await resource.get({ namespace: inNamespace, name });
    if (existing) {
      if (kind.group === GROUP)
        await reconcileRules(
          existing.object,
          object as KubeObject,
          () => existing.parse(),
          (next) => resource.update(existing, next),
        );
      return;
    }
    const whole: KubeObject = {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      ...object,
      metadata: { ...object.metadata, uid: randomUUID(), creationTimestamp: now },
    };
    await resource.create({ namespace: inNamespace, name }, whole).catch((error: unknown) => {
      // Another API server was first.
      if (!(error instanceof StoreError && error.kind === 'KeyExists')) throw error;
    });
  };

  await Promise.all(NAMESPACES.map((name) => ensure(namespace, systemNamespace(name))));
  const table = [...(defaults as unknown as RbacDefault[]), ...OURS];
  const roles = table.filter((one) => one.kind === 'ClusterRole').map((one) => rbacObject(one));
  await Promise.all([
    ...table.map((one) => {
      const object = rbacObject(one);
      if (one.kind === 'ClusterRole' && object['aggregationRule']) object['rules'] = aggregatedRules(object, roles);
      return ensure(KINDS[one.kind] as Kind, object);
    }),
    ...PRIORITIES.map((one) => ensure(priorityClass, one)),
    ensure(configMap, {
      metadata: { name: CLIENT_CA_MAP, namespace: 'kube-system' },
      data: { 'client-ca-file': options.clientCaPem },
    }),
  ]);
  options.log.debug('bootstrap objects are there', { roles: roles.length });
};

/** Extension API servers read there whose client certificates to believe; the authority may have been renewed. */
export const publishClientCa = async (cache: WatchCache, clientCaPem: string): Promise<void> => {
  const resource = cache.resource(configMap);
  const existing = await resource.get({ namespace: 'kube-system', name: CLIENT_CA_MAP });
  if (!existing || (existing.object['data'] as Record<string, string> | undefined)?.['client-ca-file'] === clientCaPem) return;
  const next = existing.parse();
  next['data'] = { ...(next['data'] as Record<string, string> | undefined), 'client-ca-file': clientCaPem };
  await resource.update(existing, next).catch((error: unknown) => {
    // Another API server was first, and publishes the same.
    if (!(error instanceof StoreError)) throw error;
  });
};

const CLIENT_CA_MAP = 'extension-apiserver-authentication';

const systemNamespace = (name: string) => ({
  metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
});

const PRIORITIES = [
  {
    metadata: { name: 'system-cluster-critical', generation: 1 },
    value: 2_000_000_000,
    preemptionPolicy: 'PreemptLowerPriority',
    description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
  {
    metadata: { name: 'system-node-critical', generation: 1 },
    value: 2_000_001_000,
    preemptionPolicy: 'PreemptLowerPriority',
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
];

const rbacObject = ({ kind, name, namespace: inNamespace, labels, roleRef, ...rest }: RbacDefault): KubeObject => ({
  kind,
  apiVersion: `${GROUP}/v1`,
  metadata: {
    name,
    ...(inNamespace ? { namespace: inNamespace } : {}),
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
  },
  ...rest,
  ...(roleRef ? { roleRef: { apiGroup: GROUP, ...roleRef } } : {}),
});

/** An upgrade brings rules that were not there; rules that someone added stay, as upstream's auto-update has it. */
const reconcileRules = async (
  existing: KubeObject,
  wanted: KubeObject,
  copy: () => KubeObject,
  write: (next: KubeObject) => Promise<unknown>,
): Promise<void> => {
  if (existing.metadata.annotations?.['rbac.authorization.kubernetes.io/autoupdate'] !== 'true') return;
  const field = wanted['rules'] ? 'rules' : 'subjects';
  const has = new Set(((existing[field] as unknown[] | undefined | null) ?? []).map((one) => canonical(one)));
  const missing = ((wanted[field] as unknown[] | undefined) ?? []).filter((one) => !has.has(canonical(one)));
  if (missing.length === 0) return;
  const next = copy();
  next[field] = [...((next[field] as unknown[] | undefined | null) ?? []), ...missing];
  await write(next);
};

const canonical = (value: unknown): string => {
  const record = value as Record<string, unknown>;
  return JSON.stringify(
    Object.keys(record)
      .sort()
      .map((key) => [key, record[key]]),
  );
};
