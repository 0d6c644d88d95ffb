import { type KubeObject, pathOf } from '../../api/meta/object.ts';
import type { ListRequest } from '../../client/client.ts';
import type { Resource } from './resource-catalog.ts';
import type { Session } from './session.ts';
import { isTable, type ServerTable, TABLE_ACCEPT } from './tables.ts';

export interface FetchOptions extends Pick<ListRequest, 'labelSelector' | 'fieldSelector'> {
  allNamespaces?: boolean;
  /** Ask for tables, with whole objects in the rows where true. */
  table?: 'metadata' | 'object';
  chunkSize?: number;
  signal?: AbortSignal;
}

export interface RawList {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items: KubeObject[];
}

export const namespaceFor = (session: Session, resource: Resource, options: { allNamespaces?: boolean | undefined }): string | undefined =>
  resource.namespaced && !options.allNamespaces ? session.namespace : undefined;

/** One object, or all of a type in pages: `onPage` sees every page, a Table or a list. Answers the last resourceVersion. */
export const fetchPages = async (
  session: Session,
  target: { resource: Resource; name?: string | undefined },
  options: FetchOptions,
  onPage: (body: ServerTable | RawList | KubeObject) => void,
): Promise<string> => {
  const { resource, name } = target;
  const path = pathOf(resource, { namespace: namespaceFor(session, resource, options), name });
  let from: string | undefined;
  let resourceVersion = '';
  do {
    const { body } = await session.transport.send({
      method: 'GET',
      path,
      query: {
        ...(name
          ? {}
          : {
              labelSelector: options.labelSelector || undefined,
              fieldSelector: options.fieldSelector || undefined,
              limit: options.chunkSize === 0 ? undefined : String(options.chunkSize ?? 500),
              continue: from,
            }),
        includeObject: options.table === 'object' ? 'Object' : undefined,
      },
      ...(options.table ? { accept: TABLE_ACCEPT } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    onPage(body as ServerTable);
    const { metadata } = body as RawList;
    from = isTable(body) || (body as RawList).items ? metadata?.continue || undefined : undefined;
    resourceVersion = metadata?.resourceVersion ?? '';
  } while (from);
  return resourceVersion;
};

/** All objects of a type, each with its apiVersion and kind, which lists leave out. */
export const fetchObjects = async (
  session: Session,
  target: { resource: Resource; name?: string | undefined },
  options: FetchOptions = {},
): Promise<KubeObject[]> => {
  const objects: KubeObject[] = [];
  await fetchPages(session, target, options, (body) => objects.push(...objectsOfBody(body, target.resource)));
  return objects;
};

export const objectsOfBody = (body: unknown, resource: Resource): KubeObject[] => {
  const { items } = body as Partial<RawList>;
  if (!Array.isArray(items)) return [body as KubeObject];
  const apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
  return items.map((item) => ({ ...item, apiVersion, kind: resource.kind }));
};
