import { namespace } from '../../api/core/namespace.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionWorld } from './admission.ts';
import { type Level, violationsOf } from './pod-security-standards.ts';

const PREFIX = 'pod-security.kubernetes.io/';
const TEMPLATED = [
  'apps/deployments',
  'apps/daemonsets',
  'apps/statefulsets',
  'apps/replicasets',
  'batch/jobs',
  'batch/cronjobs',
  '/replicationcontrollers',
];

/** The Pod Security Standards that a namespace's labels ask for: refuses pods, warns about what would make such pods. */
export const createPodSecurity = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => ({
  name: 'PodSecurity',
  resources: ['/pods', ...TEMPLATED],
  async validate(request) {
    if (!request.object || request.operation === 'DELETE' || (request.subresource !== '' && request.subresource !== 'ephemeralcontainers'))
      return;
    const isPod = request.kind.plural === 'pods';
    if (isPod && request.operation === 'UPDATE' && request.subresource === '' && !imagesChanged(request)) return;
    const item = await cache.resource(namespace).get({ name: request.namespace });
    const enforce = levelOf(item?.labels, 'enforce');
    const warn = levelOf(item?.labels, 'warn');
    if (enforce === 'privileged' && warn === 'privileged') return;
    const spec = podSpecOf(request.object);
    if (!spec) return;
    const version = item?.labels[`${PREFIX}enforce-version`] ?? 'latest';
    if (isPod && enforce !== 'privileged') {
      const problems = violationsOf(spec, enforce, request.object.metadata.annotations ?? {});
      if (problems.length)
        throw forbidden(
          { group: '', resource: 'pods', name: request.name },
          `violates PodSecurity "${enforce}:${version}": ${problems.join(', ')}`,
        );
    }
    if (warn !== 'privileged') {
      const problems = violationsOf(spec, warn, {});
      if (problems.length) request.warn(`would violate PodSecurity "${warn}:latest": ${problems.join(', ')}`);
    }
  },
});

const levelOf = (labels: Readonly<Record<string, string>> | undefined, mode: 'enforce' | 'warn'): Level => {
  const level = labels?.[`${PREFIX}${mode}`];
  return level === 'baseline' || level === 'restricted' ? level : 'privileged';
};

const podSpecOf = (object: KubeObject): Pod['spec'] => {
  const spec = object['spec'] as
    | (Pod['spec'] & { template?: PodTemplateSpec; jobTemplate?: { spec?: { template?: PodTemplateSpec } } })
    | undefined;
  return spec?.template?.spec ?? spec?.jobTemplate?.spec?.template?.spec ?? spec;
};

const imagesChanged = (request: AdmissionRequest): boolean =>
  JSON.stringify(request.object?.['spec']) !== JSON.stringify(request.old?.['spec']);
