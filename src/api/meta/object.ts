import type { ListMeta, ObjectMeta } from '../types/meta-v1.ts';

/** Any object of the API. `metadata` is always there: the decoder adds it where a client left it out. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  // Kinds have their own fields beside these; the generated types in api/types name them.
  [field: string]: unknown;
}

/** A generated type (`Pod`, `Deployment`) as it is read from the API: with its metadata. */
export type Stored<T> = T & { metadata: ObjectMeta };

export interface KubeList<T = KubeObject> {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: T[];
}

/** Names one resource type: what a URL needs, without the kind's behaviour. */
export interface ResourceName {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** `apps/v1`, or `v1` for the core group. */
export const apiVersionOf = (name: { group: string; version: string }): string =>
  name.group === '' ? name.version : `${name.group}/${name.version}`;

/** `/api/v1/namespaces/default/pods/web/status`. Parts are URL-encoded. */
export const pathOf = (
  resource: ResourceName,
  target: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {},
): string => {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const namespace = target.namespace ? `/namespaces/${encodeURIComponent(target.namespace)}` : '';
  const name = target.name ? `/${encodeURIComponent(target.name)}` : '';
  return `${root}${namespace}/${resource.plural}${name}${target.subresource ? `/${target.subresource}` : ''}`;
};

/** `namespace/name`, or `name` for what lives in no namespace: the key of caches and queues. */
export const keyOf = (object: { metadata: ObjectMeta }): string =>
  object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : (object.metadata.name ?? '');

export const splitKey = (key: string): { namespace: string | undefined; name: string } => {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: undefined, name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
};
