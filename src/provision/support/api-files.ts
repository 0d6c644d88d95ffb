import type { KubeObject, Stored } from '../../api/meta/object.ts';
import { pathOf, type ResourceName } from '../../api/meta/object.ts';
import type { Secret } from '../../api/types/core-v1.ts';
import { createClient } from '../../client/create-client.ts';
import type { RestTransport } from '../../client/rest/rest-transport.ts';
import { openTransport } from '../open-client.ts';
import type { ClusterStateFolder } from '../state/cluster-state.ts';
import { attempt, type Collected, newest } from './bundle-file.ts';

/** Objects of a resource, beyond which a list is cut. */
const OBJECT_LIMIT = 5000;
const REQUEST_TIMEOUT_MS = 20_000;

interface ResourceList {
  resources: { name: string; verbs: string[] }[];
}

export interface ApiFiles extends Collected {
  /** Values of Secrets, for the search in everything else. */
  secretValues: string[];
}

/** Everything that the API keeps, one file a resource, with its metrics and how well it is. */
export const apiFiles = async (folder: ClusterStateFolder, signal: AbortSignal): Promise<ApiFiles> => {
  const collected: ApiFiles = { files: [], missing: [], secretValues: [] };
  let opened: Awaited<ReturnType<typeof openTransport>> | undefined;
  try {
    opened = await openTransport(folder);
    await collect(opened.transport, collected, signal);
  } catch (error) {
    collected.missing.push({ what: 'API', why: error instanceof Error ? error.message : String(error) });
  } finally {
    await opened?.close();
  }
  return collected;
};

const collect = async (transport: RestTransport, collected: ApiFiles, signal: AbortSignal): Promise<void> => {
  const get = async (path: string, query?: Record<string, string>): Promise<unknown> =>
    (
      await transport.send({
        method: 'GET',
        path,
        ...(query ? { query } : {}),
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      })
    ).body;
  const text = (name: string, path: string, query?: Record<string, string>) =>
    attempt(collected, path, async () => {
      const body = await get(path, query);
      return { path: `api/${name}`, content: typeof body === 'string' ? newest(body) : (body as object) };
    });
  // The first one says whether anybody is there: without an answer the others would each wait in vain.
  const groups = await groupVersions(get);
  await Promise.all([text('version.json', '/version'), text('readyz.txt', '/readyz', { verbose: '' }), text('metrics.txt', '/metrics')]);
  const client = createClient(transport);
  for (const [group, version] of groups) {
    const root = group ? `/apis/${group}/${version}` : `/api/${version}`;
    await attempt(collected, root, async () => {
      const { resources } = (await get(root)) as ResourceList;
      for (const resource of resources.filter(({ name, verbs }) => verbs.includes('list') && !name.includes('/')))
        await attempt(collected, `${root}/${resource.name}`, async () => {
          signal.throwIfAborted();
          const name: ResourceName = { group, version, plural: resource.name };
          const { items, metadata } = await client.list<KubeObject>(name, {
            limit: OBJECT_LIMIT,
            signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
          });
          if (!items.length) return [];
          const kind = group === '' && resource.name === 'secrets' ? 'Secret' : undefined;
          if (kind) collected.secretValues.push(...items.flatMap((item) => valuesOf(item as Stored<Secret>)));
          // Items of a list do not say their kind, by which secrets are known.
          const content = { metadata, items: kind ? items.map((item) => ({ kind, ...item })) : items };
          return { path: `api/objects/${group || 'core'}.${version}/${resource.name}.json`, content };
        });
      return [];
    });
  }
  const nodes = await client.list<KubeObject>({ group: '', version: 'v1', plural: 'nodes' });
  for (const { metadata } of nodes.items) {
    const proxy = `${pathOf({ group: '', version: 'v1', plural: 'nodes' }, { name: metadata.name, subresource: 'proxy' })}`;
    await text(`nodes/${metadata.name}-stats.json`, `${proxy}/stats/summary`);
  }
};

/** Each group once, in its preferred version. */
const groupVersions = async (get: (path: string) => Promise<unknown>): Promise<[group: string, version: string][]> => {
  const { groups } = (await get('/apis')) as { groups: { name: string; preferredVersion: { version: string } }[] };
  return [['', 'v1'], ...groups.map(({ name, preferredVersion }) => [name, preferredVersion.version] as [string, string])];
};

/** As they are kept, and as they are read. */
const valuesOf = ({ data = {} }: Stored<Secret>): string[] =>
  Object.values(data).flatMap((encoded) => {
    const text = Buffer.from(encoded, 'base64').toString();
    // Line by line too: in JSON and in logs the whole looks otherwise.
    return [encoded, text.trim(), ...text.split('\n').filter((line) => line.length >= 20)];
  });
