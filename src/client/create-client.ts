import { apiVersionOf, type KubeList, type KubeObject, pathOf, type ResourceName } from '../api/meta/object.ts';
import type { ApiRequest, Transport } from '../api/transport.ts';
import type { Client, DeleteRequest, ListRequest, WriteOptions } from './client.ts';

/** The one implementation of `Client`, over any road to an API server. */
export const createClient = (transport: Transport): Client => {
  const body = async <T>(request: ApiRequest): Promise<T> => (await transport.send(request)).body as T;
  return {
    get: (resource, target) => body({ method: 'GET', path: pathOf(resource, target) }),
    list: <T>(resource: ResourceName, options: ListRequest = {}) =>
      body<KubeList<T>>({
        method: 'GET',
        path: pathOf(resource, { namespace: options.namespace }),
        query: listQuery(options),
        ...(options.signal ? { signal: options.signal } : {}),
      }).then((list) => (list.items ? list : { ...list, items: [] })),
    watch: (resource, options = {}) =>
      transport.watch({
        method: 'GET',
        path: pathOf(resource, { namespace: options.namespace }),
        query: {
          ...listQuery(options),
          allowWatchBookmarks: options.allowBookmarks ? 'true' : undefined,
          timeoutSeconds: options.timeoutSeconds === undefined ? undefined : String(options.timeoutSeconds),
        },
        ...(options.signal ? { signal: options.signal } : {}),
      }),
    create: (resource, object, options = {}) => {
      const namespace = options.namespace ?? (object as KubeObject).metadata?.namespace;
      return body({
        method: 'POST',
        path: pathOf(resource, { namespace, name: options.name, subresource: options.subresource }),
        query: writeQuery(options),
        body: options.subresource ? object : withType(resource, object as KubeObject),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    },
    update: (resource, object, options = {}) => {
      const { name, namespace } = (object as KubeObject).metadata;
      return body({
        method: 'PUT',
        path: pathOf(resource, { namespace, name, subresource: options.subresource }),
        query: writeQuery(options),
        body: withType(resource, object as KubeObject),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    },
    patch: (resource, target, patch, options) =>
      body({
        method: 'PATCH',
        path: pathOf(resource, target),
        query: { ...writeQuery(options), force: options.force ? 'true' : undefined },
        contentType: options.type,
        body: patch,
        ...(options.signal ? { signal: options.signal } : {}),
      }),
    discover: ({ group, version }) => body({ method: 'GET', path: group === '' ? `/api/${version}` : `/apis/${group}/${version}` }),
    delete: (resource, target, options = {}) => body({ method: 'DELETE', path: pathOf(resource, target), ...deleteBody(options) }),
    deleteCollection: async (resource, options) => {
      await transport.send({
        method: 'DELETE',
        path: pathOf(resource, { namespace: options.namespace }),
        query: listQuery(options),
        ...deleteBody(options),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    },
  };
};

/** Items of lists carry no kind; servers want one in a body, except for kinds that the caller spelled out itself. */
const withType = (resource: ResourceName, object: KubeObject): KubeObject =>
  object.apiVersion ? object : { apiVersion: apiVersionOf(resource), ...object };

const listQuery = (options: ListRequest): Record<string, string | undefined> => ({
  labelSelector: options.labelSelector || undefined,
  fieldSelector: options.fieldSelector || undefined,
  limit: options.limit === undefined ? undefined : String(options.limit),
  continue: options.continue || undefined,
  resourceVersion: options.resourceVersion,
});

const writeQuery = (options: WriteOptions): Record<string, string | undefined> => ({
  fieldManager: options.fieldManager,
  fieldValidation: options.fieldValidation,
  dryRun: options.dryRun ? 'All' : undefined,
});

const deleteBody = (options: DeleteRequest): { body?: unknown } => {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options;
  if (gracePeriodSeconds === undefined && !propagationPolicy && !preconditions && !dryRun) return {};
  return {
    body: {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      ...(propagationPolicy ? { propagationPolicy } : {}),
      ...(preconditions ? { preconditions } : {}),
      ...(dryRun ? { dryRun: ['All'] } : {}),
    },
  };
};
