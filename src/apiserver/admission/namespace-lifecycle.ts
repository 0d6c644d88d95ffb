import { namespace } from '../../api/core/namespace.ts';
import { notFound, statusError } from '../../api/meta/status.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { AdmissionPlugin, AdmissionWorld } from './admission.ts';

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

/** Nothing is created in a namespace that is not there or that is ending; the first three namespaces cannot be deleted. */
export const createNamespaceLifecycle = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => {
  const namespaces = cache.resource(namespace);
  return {
    name: 'NamespaceLifecycle',
    resources: ['*'],
    admit(request) {
      const { kind, operation } = request;
      if (operation === 'DELETE') {
        if (kind.group === '' && kind.plural === 'namespaces' && IMMORTAL.has(request.name))
          throw forbidden({ group: '', resource: 'namespaces', name: request.name }, 'this namespace may not be deleted');
        return;
      }
      if (operation !== 'CREATE' || !kind.namespaced) return;
      return namespaces.get({ name: request.namespace }).then((item) => {
        if (!item) throw notFound(namespace, request.namespace);
        const { status, metadata } = item.object as { status?: { phase?: string } } & typeof item.object;
        if (status?.phase !== 'Terminating' && !metadata.deletionTimestamp) return;
        throw terminating(request.namespace, { group: kind.group, resource: kind.plural, name: request.name });
      });
    },
  };
};

const terminating = (name: string, target: { group: string; resource: string; name: string }) => {
  const { message, status } = forbidden(target, `unable to create new content in namespace ${name} because it is being terminated`);
  const causes = [{ reason: 'NamespaceTerminating', message: `namespace ${name} is being terminated`, field: 'metadata.namespace' }];
  return statusError(403, 'Forbidden', message, { ...status.details, causes });
};
