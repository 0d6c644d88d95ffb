import { pod } from '../../api/core/pod.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import { nodeNameOf } from '../auth/node-authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionWorld } from './admission.ts';

const MIRROR = 'kubernetes.io/config.mirror';
const RESERVED = 'node-restriction.kubernetes.io/';
/** Labels of these domains that a node may set on itself. */
const OWN_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);

/** A node writes only its own Node, the pods bound to it, and its own lease and tokens. */
export const createNodeRestriction = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => ({
  name: 'NodeRestriction',
  resources: ['/nodes', '/pods', '/serviceaccounts', 'coordination.k8s.io/leases', 'storage.k8s.io/csinodes', '/persistentvolumeclaims'],
  async admit(request) {
    const name = nodeNameOf(request.user);
    if (name === undefined) return;
    const refuse = (why: string) => forbidden({ group: request.kind.group, resource: request.kind.plural, name: request.name }, why);
    switch (request.kind.plural) {
      case 'nodes':
        return checkNode(name, request, refuse);
      case 'pods':
        return checkPod(name, request, refuse, async () => {
          const item = await cache.resource(pod).get({ namespace: request.namespace, name: request.name });
          return item?.object as (KubeObject & Pod) | undefined;
        });
      case 'leases':
        if (request.operation === 'CREATE' && request.name !== name)
          throw refuse('can only create a node lease with the same name as the requesting node');
        return;
      case 'csinodes':
        if (request.operation === 'CREATE' && request.name !== name)
          throw refuse('can only access CSINode with the same name as the requesting node');
        return;
      case 'persistentvolumeclaims':
        if (request.subresource !== 'status') throw refuse('may only update PVC status');
        return;
      default:
        return;
    }
  },
});

type Refuse = (why: string) => Error;

const checkNode = (name: string, request: AdmissionRequest, refuse: Refuse): void => {
  const object = request.object as (KubeObject & Node) | undefined;
  const old = request.old as (KubeObject & Node) | undefined;
  if (request.name !== name) throw refuse(`node ${JSON.stringify(name)} is not allowed to modify node ${JSON.stringify(request.name)}`);
  if (!object) return;
  if (object.spec?.configSource && !old?.spec?.configSource)
    throw refuse(`node ${JSON.stringify(name)} is not allowed to update configSource`);
  const changed = changedLabels(object.metadata.labels ?? {}, old?.metadata.labels ?? {}).filter(isForbiddenLabel);
  if (changed.length)
    throw refuse(
      `node ${JSON.stringify(name)} is not allowed to ${old ? 'modify' : 'set the following'} labels: ${changed.sort().join(', ')}`,
    );
  if (old && request.subresource === '') {
    if (JSON.stringify(object.spec?.taints ?? []) !== JSON.stringify(old.spec?.taints ?? []))
      throw refuse(`node ${JSON.stringify(name)} is not allowed to modify taints`);
    if (JSON.stringify(object.metadata.ownerReferences ?? []) !== JSON.stringify(old.metadata.ownerReferences ?? []))
      throw refuse(`node ${JSON.stringify(name)} is not allowed to modify ownerReferences`);
  }
};

const changedLabels = (now: Readonly<Record<string, string>>, was: Readonly<Record<string, string>>): string[] =>
  [...new Set([...Object.keys(now), ...Object.keys(was)])].filter((key) => now[key] !== was[key]);

const isForbiddenLabel = (key: string): boolean => {
  const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
  const inDomain = (suffix: string): boolean => domain === suffix || domain.endsWith(`.${suffix}`);
  if (key.startsWith(RESERVED) || inDomain('node-restriction.kubernetes.io')) return true;
  if (!inDomain('kubernetes.io') && !inDomain('k8s.io')) return false;
  return !OWN_LABELS.has(key) && !inDomain('kubelet.kubernetes.io') && !inDomain('node.kubernetes.io');
};

const checkPod = async (
  name: string,
  request: AdmissionRequest,
  refuse: Refuse,
  stored: () => Promise<(KubeObject & Pod) | undefined>,
): Promise<void> => {
  const text = JSON.stringify(name);
  if (request.operation === 'CREATE' && request.subresource === '') {
    const object = request.object as KubeObject & Pod;
    if (!object.metadata.annotations || !(MIRROR in object.metadata.annotations))
      throw refuse(`pod does not have ${JSON.stringify(MIRROR)} annotation, node ${text} can only create mirror pods`);
    if (object.spec?.nodeName !== name) throw refuse(`node ${text} can only create pods with spec.nodeName set to itself`);
    for (const owner of object.metadata.ownerReferences ?? [])
      if (owner.kind !== 'Node' || owner.name !== name)
        throw refuse(`node ${text} can only create pods with an owner reference set to itself`);
    for (const volume of object.spec?.volumes ?? [])
      if (
        volume.secret ||
        volume.configMap ||
        volume.persistentVolumeClaim ||
        volume.projected?.sources?.some((source) => source.serviceAccountToken)
      )
        throw refuse(`node ${text} can not create pods that reference secrets, configmaps, persistentvolumeclaims or tokens`);
    return;
  }
  const old = (request.old as (KubeObject & Pod) | undefined) ?? (await stored());
  if (!old) return;
  if (old.spec?.nodeName !== name) {
    const can =
      request.operation === 'DELETE' ? 'delete pods' : request.subresource === 'status' ? 'update pod status for pods' : 'access pods';
    throw refuse(`node ${text} can only ${can} with spec.nodeName set to itself`);
  }
  if (request.operation === 'UPDATE' && request.subresource !== 'status')
    throw refuse(`unexpected operation ${JSON.stringify(request.operation)}, node ${text} can only create and delete mirror pods`);
  if (
    request.subresource === 'status' &&
    JSON.stringify(request.object?.metadata.labels ?? {}) !== JSON.stringify(old.metadata.labels ?? {})
  )
    throw refuse(`node ${text} cannot update labels through pod status`);
};
