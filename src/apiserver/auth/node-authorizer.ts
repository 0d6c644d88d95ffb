import { persistentVolume } from '../../api/core/persistent-volume.ts';
import { persistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { pod } from '../../api/core/pod.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { WatchCache } from '../watch/watch-cache.ts';
import type { AccessRequest, Authorizer, Decision } from './authorizer.ts';
import { referencesOf } from './pod-references.ts';

const NODES_GROUP = 'system:nodes';
const NODE_PREFIX = 'system:node:';

/** The node that a user is, if it is one. */
export const nodeNameOf = (user: { name: string; groups: readonly string[] }): string | undefined =>
  user.name.startsWith(NODE_PREFIX) && user.groups.includes(NODES_GROUP) ? user.name.slice(NODE_PREFIX.length) : undefined;

/** What upstream's `system:node` role grants through the node authorizer, apart from what depends on the pods of the node. */
const RULES: readonly { group: string; resources: readonly string[]; verbs: readonly string[] }[] = [
  { group: 'authentication.k8s.io', resources: ['tokenreviews'], verbs: ['create'] },
  { group: 'authorization.k8s.io', resources: ['localsubjectaccessreviews', 'subjectaccessreviews'], verbs: ['create'] },
  { group: '', resources: ['services'], verbs: ['get', 'list', 'watch'] },
  { group: '', resources: ['nodes'], verbs: ['create'] },
  { group: '', resources: ['nodes/status'], verbs: ['update', 'patch'] },
  { group: '', resources: ['nodes'], verbs: ['update', 'patch'] },
  { group: '', resources: ['events'], verbs: ['create', 'update', 'patch'] },
  { group: '', resources: ['pods'], verbs: ['create', 'delete'] },
  { group: '', resources: ['pods/status'], verbs: ['update', 'patch'] },
  { group: '', resources: ['pods/eviction'], verbs: ['create'] },
  { group: 'certificates.k8s.io', resources: ['certificatesigningrequests'], verbs: ['create', 'get', 'list', 'watch'] },
  { group: '', resources: ['persistentvolumeclaims/status'], verbs: ['get', 'update', 'patch'] },
  { group: 'storage.k8s.io', resources: ['csidrivers'], verbs: ['get', 'list', 'watch'] },
  { group: 'node.k8s.io', resources: ['runtimeclasses'], verbs: ['get', 'list', 'watch'] },
];

const NO_RELATION = (name: string): Decision => ({
  allowed: false,
  reason: `no relationship found between node '${name}' and this object`,
});
const YES: Decision = Object.freeze({ allowed: true, reason: '' });

/**
 * What a node may do: always its own Node, Lease and CSINode, and of secrets, config maps, claims, volumes and tokens those that a pod
 * bound to it refers to. The pods of a node are found by the cache's index; no graph is kept.
 */
export const createNodeAuthorizer = (cache: WatchCache): Authorizer => ({
  authorize(request) {
    const name = nodeNameOf(request.user);
    if (name === undefined || request.path) return undefined;
    return decide(cache, name, request);
  },
});

const decide = (cache: WatchCache, name: string, request: AccessRequest): Decision | undefined | Promise<Decision | undefined> => {
  const { group, resource, subresource, verb } = request;
  const wanted = subresource ? `${resource}/${subresource}` : resource;
  const isRead = verb === 'get' || verb === 'list' || verb === 'watch';
  if (group === '') {
    if (resource === 'nodes' && isRead)
      return request.name === name
        ? YES
        : { allowed: false, reason: `node '${name}' cannot read '${request.name}', only its own Node object` };
    if (resource === 'pods' && isRead && subresource === '') return podRead(cache, name, request);
    if (resource === 'secrets' || resource === 'configmaps') return referenced(cache, name, request, resource);
    if (wanted === 'persistentvolumeclaims' && isRead) return referenced(cache, name, request, 'persistentvolumeclaims');
    if (wanted === 'persistentvolumes' && isRead) return volumeOf(cache, name, request);
    if (wanted === 'serviceaccounts/token') return serviceAccount(cache, name, request, 'create');
    if (wanted === 'serviceaccounts') return serviceAccount(cache, name, request, 'get');
  }
  if (group === 'coordination.k8s.io' && resource === 'leases') return lease(name, request);
  if (group === 'storage.k8s.io' && resource === 'csinodes') {
    if (!['create', 'get', 'update', 'patch', 'delete'].includes(verb)) return undefined;
    return verb === 'create' || request.name === name
      ? YES
      : { allowed: false, reason: 'can only access CSINode with the same name as the requesting node' };
  }
  for (const rule of RULES) if (rule.group === group && rule.resources.includes(wanted) && rule.verbs.includes(verb)) return YES;
  return undefined;
};

type NodePod = KubeObject & Pod;

/** The cache is loaded by a read first: an index that is not there yet would deny what is allowed. */
const podsOf = async (cache: WatchCache, name: string, namespace?: string): Promise<readonly NodePod[]> => {
  const list = await cache
    .resource(pod)
    .list({ namespace: namespace || undefined, fields: [{ name: 'spec.nodeName', operator: '=', value: name }] });
  return list.items.map((item) => item.object as NodePod);
};

const podRead = async (cache: WatchCache, name: string, request: AccessRequest): Promise<Decision | undefined> => {
  if (request.verb !== 'get') {
    if (request.fieldSelector?.split(',').some((term) => term === `spec.nodeName=${name}` || term === `spec.nodeName==${name}`)) return YES;
    return { allowed: false, reason: 'can only list/watch pods with spec.nodeName field selector' };
  }
  const item = await cache.resource(pod).get({ namespace: request.namespace, name: request.name });
  return !item || (item.object as NodePod).spec?.nodeName === name ? YES : NO_RELATION(name);
};

const referenced = async (
  cache: WatchCache,
  name: string,
  request: AccessRequest,
  resource: 'secrets' | 'configmaps' | 'persistentvolumeclaims',
): Promise<Decision | undefined> => {
  if (!['get', 'list', 'watch'].includes(request.verb) || request.subresource)
    return { allowed: false, reason: 'can only read resources of this type' };
  if (!request.name) return { allowed: false, reason: 'No Object name found' };
  for (const one of await podsOf(cache, name, request.namespace)) if (referencesOf(one)[resource].has(request.name)) return YES;
  return NO_RELATION(name);
};

const volumeOf = async (cache: WatchCache, name: string, request: AccessRequest): Promise<Decision | undefined> => {
  if (!request.name) return { allowed: false, reason: 'No Object name found' };
  const volume = await cache.resource(persistentVolume).get({ name: request.name });
  const claim = (volume?.object['spec'] as { claimRef?: { namespace?: string; name?: string } } | undefined)?.claimRef;
  if (!claim?.namespace || !claim.name) return NO_RELATION(name);
  const found = await cache.resource(persistentVolumeClaim).get({ namespace: claim.namespace, name: claim.name });
  if (!found) return NO_RELATION(name);
  for (const one of await podsOf(cache, name, claim.namespace)) if (referencesOf(one).persistentvolumeclaims.has(claim.name)) return YES;
  return NO_RELATION(name);
};

const serviceAccount = async (cache: WatchCache, name: string, request: AccessRequest, verb: string): Promise<Decision | undefined> => {
  if (request.verb !== verb) return { allowed: false, reason: `can only ${verb} tokens for individual service accounts` };
  if (!request.name) return { allowed: false, reason: 'No Object name found' };
  for (const one of await podsOf(cache, name, request.namespace)) if (one.spec?.serviceAccountName === request.name) return YES;
  return NO_RELATION(name);
};

const lease = (name: string, request: AccessRequest): Decision => {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(request.verb))
    return { allowed: false, reason: 'can only get, create, update, patch, or delete a node lease' };
  if (request.namespace !== 'kube-node-lease')
    return { allowed: false, reason: `can only access leases in the "kube-node-lease" system namespace` };
  if (request.verb !== 'create' && request.name !== name)
    return { allowed: false, reason: 'can only access node lease with the same name as the requesting node' };
  return YES;
};
