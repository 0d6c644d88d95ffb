import type { Transport } from '../../api/transport.ts';
import type { Resource } from './resource-catalog.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/** Every resource type of the server, preferred versions first, by aggregated discovery where the server has it. */
export const discoverResources = async (transport: Transport): Promise<readonly Resource[]> => {
  const [core, groups] = await Promise.all(['/api', '/apis'].map((path) => transport.send({ method: 'GET', path, accept: AGGREGATED })));
  const parts = [core?.body, groups?.body].map((body) => body as Record<string, unknown>);
  const lists = await Promise.all(
    parts.map((body) =>
      body['kind'] === 'APIGroupDiscoveryList' ? fromAggregated(body as unknown as Aggregated) : fromPlain(body, transport),
    ),
  );
  return lists.flat();
};

interface Aggregated {
  items: {
    metadata?: { name?: string };
    versions: {
      version: string;
      resources?: {
        resource: string;
        responseKind?: { kind: string };
        scope: string;
        singularResource?: string;
        shortNames?: string[];
        categories?: string[];
        verbs: string[];
      }[];
    }[];
  }[];
}

const fromAggregated = (list: Aggregated): Resource[] =>
  list.items.flatMap((group) =>
    group.versions.flatMap((version) =>
      (version.resources ?? []).map((resource) => ({
        plural: resource.resource,
        kind: resource.responseKind?.kind ?? '',
        group: group.metadata?.name ?? '',
        version: version.version,
        namespaced: resource.scope === 'Namespaced',
        singular: resource.singularResource || (resource.responseKind?.kind ?? '').toLowerCase(),
        shortNames: resource.shortNames ?? [],
        categories: resource.categories ?? [],
        verbs: resource.verbs,
      })),
    ),
  );

interface PlainList {
  resources: {
    name: string;
    singularName: string;
    namespaced: boolean;
    kind: string;
    verbs: string[];
    shortNames?: string[];
    categories?: string[];
  }[];
}

const fromPlain = async (body: Record<string, unknown>, transport: Transport): Promise<Resource[]> => {
  const groupVersions =
    body['kind'] === 'APIVersions'
      ? (body['versions'] as string[]).map((version) => ({ group: '', version, path: `/api/${version}` }))
      : (body['groups'] as { name: string; versions: { version: string }[] }[]).flatMap((group) =>
          group.versions.map(({ version }) => ({ group: group.name, version, path: `/apis/${group.name}/${version}` })),
        );
  const lists = await Promise.all(
    groupVersions.map(async ({ group, version, path }) => {
      const list = (await transport.send({ method: 'GET', path })).body as PlainList;
      return list.resources
        .filter(({ name }) => !name.includes('/'))
        .map((resource) => ({
          plural: resource.name,
          kind: resource.kind,
          group,
          version,
          namespaced: resource.namespaced,
          singular: resource.singularName || resource.kind.toLowerCase(),
          shortNames: resource.shortNames ?? [],
          categories: resource.categories ?? [],
          verbs: resource.verbs,
        }));
    }),
  );
  return lists.flat();
};
