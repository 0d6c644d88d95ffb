/** What an extension API server says that it serves: an `APIResourceList`, as it came. */
export interface AggregatedVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly AggregatedResource[];
}

export interface AggregatedResource {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced?: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

type Document = Record<string, unknown>;

const groupsOf = (versions: readonly AggregatedVersion[]): Map<string, AggregatedVersion[]> => Map.groupBy(versions, ({ group }) => group);

/** `/apis/GROUP` of a group that only extensions serve; undefined for others. */
export const aggregatedGroup = (versions: readonly AggregatedVersion[], name: string): Document | undefined => {
  const own = groupsOf(versions).get(name);
  if (!own) return undefined;
  const listed = own.map(({ group, version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name, versions: listed, preferredVersion: listed[0] };
};

/** `/apis` with the groups of extensions behind those of this server. */
export const withAggregatedGroups = (document: Document, versions: readonly AggregatedVersion[]): Document => {
  if (versions.length === 0) return document;
  const groups = (document['groups'] ?? []) as { name: string }[];
  const more = [...groupsOf(versions).keys()].filter((name) => !groups.some((group) => group.name === name));
  return { ...document, groups: [...groups, ...more.map((name) => aggregatedGroup(versions, name))] };
};

/** The same for the aggregated form. */
export const withAggregatedItems = (document: Document, versions: readonly AggregatedVersion[]): Document => {
  if (versions.length === 0) return document;
  const items = (document['items'] ?? []) as { metadata: { name: string } }[];
  const more = [...groupsOf(versions)].filter(([name]) => !items.some((item) => item.metadata.name === name));
  return {
    ...document,
    items: [
      ...items,
      ...more.map(([name, own]) => ({
        metadata: { name, creationTimestamp: null },
        versions: own.map((one) => ({ version: one.version, freshness: 'Current', resources: resourcesOf(one) })),
      })),
    ],
  };
};

const resourcesOf = ({ group, version, resources }: AggregatedVersion): Document[] =>
  resources
    .filter(({ name }) => !name.includes('/'))
    .map((one) => ({
      resource: one.name,
      responseKind: kindOf(one, { group, version }),
      scope: one.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: one.singularName ?? '',
      verbs: one.verbs ?? [],
      ...(one.shortNames?.length ? { shortNames: one.shortNames } : {}),
      ...(one.categories?.length ? { categories: one.categories } : {}),
      ...subresourcesOf(one, resources, { group, version }),
    }));

const kindOf = (one: AggregatedResource, { group, version }: { group: string; version: string }): Document => ({
  group: one.group || group,
  version: one.version || version,
  kind: one.kind,
});

const subresourcesOf = (
  { name }: AggregatedResource,
  all: readonly AggregatedResource[],
  version: { group: string; version: string },
): Document => {
  const own = all.filter((one) => one.name.startsWith(`${name}/`));
  if (own.length === 0) return {};
  return {
    subresources: own.map((one) => ({
      subresource: one.name.slice(name.length + 1),
      responseKind: kindOf(one, version),
      verbs: one.verbs ?? [],
    })),
  };
};
