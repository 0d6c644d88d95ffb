import type { KubeList, KubeObject, ResourceName } from '../api/meta/object.ts';
import type { ApiEvent, PatchType } from '../api/transport.ts';

/**
 * How everything inside talks to the API: controllers, scheduler, agent and commands. Made from a Transport by
 * `createClient(transport)`. Objects that come back are read-only: copy before changing. Every call rejects with `StatusError`
 * (the server said no) or `SlipwayError` of code CONNECTION_REFUSED (nobody answered).
 */
export interface Client {
  get<T = KubeObject>(resource: ResourceName, target: Target): Promise<T>;
  list<T = KubeObject>(resource: ResourceName, options?: ListRequest): Promise<KubeList<T>>;
  /** From `resourceVersion` on; see Transport.watch for how it ends. */
  watch(resource: ResourceName, options?: WatchRequest): AsyncIterable<ApiEvent>;
  create<T = KubeObject>(
    resource: ResourceName,
    object: T,
    options?: WriteOptions & { namespace?: string; name?: string; subresource?: string },
  ): Promise<T>;
  /** Carries the object's own resourceVersion: a Conflict means read again. `subresource: 'status'` writes only status. */
  update<T = KubeObject>(resource: ResourceName, object: T, options?: WriteOptions & { subresource?: string }): Promise<T>;
  patch<T = KubeObject>(
    resource: ResourceName,
    target: Target & { subresource?: string },
    patch: unknown,
    options: WriteOptions & { type: PatchType; force?: boolean },
  ): Promise<T>;
  delete(resource: ResourceName, target: Target, options?: DeleteRequest): Promise<KubeObject>;
  deleteCollection(resource: ResourceName, options: ListRequest & DeleteRequest): Promise<void>;
  /** The kinds of a group and version, as discovery tells them (APIResourceList). */
  discover(version: {
    group: string;
    version: string;
  }): Promise<{ resources: readonly { name: string; kind: string; namespaced: boolean }[] }>;
}

export interface Target {
  namespace?: string | undefined;
  name: string;
  subresource?: string;
}

export interface ListRequest {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  signal?: AbortSignal;
}

export interface WatchRequest extends ListRequest {
  allowBookmarks?: boolean;
  timeoutSeconds?: number;
}

export interface WriteOptions {
  fieldManager?: string;
  dryRun?: boolean;
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  signal?: AbortSignal;
}

export interface DeleteRequest {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: boolean;
}
