/** Discovery documents, built from kinds. Pure: make them once for each set of kinds. */
import type { Kind } from './kind.ts';
import { apiVersionOf } from './meta/object.ts';

type Document = Record<string, unknown>;

/** `/api`. */
export const apiVersions = (serverAddress: string): Document => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
});

/** Groups in the order of their first kind, each with its versions, the preferred one first. The core group is left out. */
const groupsOf = (kinds: readonly Kind[]): Map<string, string[]> => {
  const groups = new Map<string, string[]>();
  for (const { group, version } of kinds) {
    if (group === '') continue;
    const versions = groups.get(group) ?? [];
    groups.set(group, versions);
    if (!versions.includes(version)) versions.push(version);
  }
  return groups;
};

const apiGroup = (name: string, versions: readonly string[]): Document => {
  const listed = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: listed, preferredVersion: listed[0] };
};

/** `/apis`. */
export const apiGroupList = (kinds: readonly Kind[]): Document => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: [...groupsOf(kinds)].map(([name, versions]) => apiGroup(name, versions)),
});

/** `/apis/apps`; undefined for a group that is not served. */
export const apiGroupDocument = (kinds: readonly Kind[], group: string): Document | undefined => {
  const versions = groupsOf(kinds).get(group);
  return versions && { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group, versions) };
};

const ofVersion = (kinds: readonly Kind[], group: string, version: string): Kind[] =>
  kinds.filter((kind) => kind.group === group && kind.version === version).sort((a, b) => (a.plural < b.plural ? -1 : 1));

/** `/api/v1`, `/apis/apps/v1`; undefined for a version that is not served. */
export const apiResourceList = (kinds: readonly Kind[], group: string, version: string): Document | undefined => {
  const served = ofVersion(kinds, group, version);
  if (served.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources: served.flatMap((kind) => [resourceEntry(kind), ...subresourceEntries(kind)]),
  };
};

const resourceEntry = (kind: Kind): Document => ({
  name: kind.plural,
  singularName: kind.singular,
  namespaced: kind.namespaced,
  kind: kind.kind,
  verbs: kind.verbs,
  ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
  ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
});

const subresourceEntries = (kind: Kind): Document[] =>
  Object.entries(kind.subresources).map(([name, subresource]) => {
    const { group = kind.group, version = kind.version } = subresource;
    const foreign = group !== kind.group || version !== kind.version;
    return {
      name: `${kind.plural}/${name}`,
      singularName: '',
      namespaced: kind.namespaced,
      ...(foreign ? { group, version } : {}),
      kind: subresource.kind ?? kind.kind,
      verbs: subresource.verbs,
    };
  });

/** The aggregated form (`apidiscovery.k8s.io/v2`) of `/api` or `/apis`. */
export const aggregatedDiscovery = (kinds: readonly Kind[], root: 'api' | 'apis'): Document => {
  const groups: [name: string, versions: readonly string[]][] = root === 'api' ? [['', ['v1']]] : [...groupsOf(kinds)];
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(([group, versions]) => ({
      metadata: group === '' ? {} : { name: group },
      versions: versions.map((version) => ({
        version,
        resources: ofVersion(kinds, group, version).map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
};

const aggregatedResource = (kind: Kind): Document => {
  const subresources = Object.entries(kind.subresources).map(([name, subresource]) => {
    const { group = kind.group, version = kind.version } = subresource;
    const foreign = group !== kind.group || version !== kind.version;
    return {
      subresource: name,
      responseKind: { group: foreign ? group : '', version: foreign ? version : '', kind: subresource.kind ?? kind.kind },
      verbs: subresource.verbs,
    };
  });
  return {
    resource: kind.plural,
    responseKind: { group: '', version: '', kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
};
