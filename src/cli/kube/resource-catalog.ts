import type { ResourceName } from '../../api/meta/object.ts';
import type { Transport } from '../../api/transport.ts';
import { nearest } from '../../base/text/nearest.ts';
import { CommandError } from '../errors.ts';
import { BUILTIN_RESOURCES } from './builtin-resources.ts';
import { discoverResources } from './discovery.ts';

export interface Resource extends ResourceName {
  readonly kind: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Empty where it is not known without asking the server. */
  readonly verbs: readonly string[];
}

/** `deployments.apps`, or `pods`: how messages name a resource. */
export const qualifiedPlural = (resource: ResourceName): string =>
  resource.group ? `${resource.plural}.${resource.group}` : resource.plural;

/** `deployment.apps/web`, as `-o name` and all "created" messages print it. */
export const qualifiedName = (resource: Resource, name: string): string =>
  `${resource.singular}${resource.group ? `.${resource.group}` : ''}/${name}`;

/** Knows the resource types of a cluster: the built-in ones at once, others after asking the server once. */
export class ResourceCatalog {
  readonly #transport: () => Transport;
  #discovered: Promise<readonly Resource[]> | undefined;

  constructor(transport: () => Transport) {
    this.#transport = transport;
  }

  /** By what people type: `po`, `pods`, `Pod`, `deployments.apps`, `deployments.v1.apps`. Throws CommandError when there is none. */
  async byArgument(word: string): Promise<Resource> {
    const found = findByArgument(BUILTIN, word) ?? findByArgument(await this.all(), word);
    if (found) return found;
    const near = nearest(
      word.toLowerCase(),
      (await this.all()).flatMap((resource) => [resource.plural, resource.singular, ...resource.shortNames]),
    );
    const hint = near.length ? `\ndid you mean: ${near.join(', ')}?` : '';
    throw new CommandError(`the server doesn't have a resource type "${word}"${hint}`);
  }

  /** Types of a category, `all`. Undefined when the word is no category. */
  async byCategory(word: string): Promise<Resource[] | undefined> {
    const builtin = BUILTIN.filter((resource) => resource.categories.includes(word));
    return builtin.length ? builtin : undefined;
  }

  /** By `apiVersion` and `kind` of an object. Throws CommandError in kubectl's words when the server has no such kind. */
  async byKind(apiVersion: string, kind: string): Promise<Resource> {
    const [group, version] = splitApiVersion(apiVersion);
    const matches = (resource: Resource): boolean => resource.group === group && resource.version === version && resource.kind === kind;
    const found = BUILTIN.find(matches) ?? (await this.all()).find(matches);
    if (found) return found;
    throw new CommandError(
      `resource mapping not found: no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`,
    );
  }

  /** Everything that the server has. Asked once. */
  all(): Promise<readonly Resource[]> {
    this.#discovered ??= discoverResources(this.#transport());
    return this.#discovered;
  }
}

export const splitApiVersion = (apiVersion: string): [group: string, version: string] => {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
};

const BUILTIN: readonly Resource[] = BUILTIN_RESOURCES.map(([plural, kind, group, version, namespaced, shortNames, categories]) => ({
  plural,
  kind,
  group,
  version,
  namespaced,
  singular: kind.toLowerCase(),
  shortNames: shortNames ? shortNames.split(',') : [],
  categories: categories ? categories.split(',') : [],
  verbs: [],
}));

/** A built-in resource by its plural, for commands that work on one type only. */
export const builtinResource = (plural: string, group = ''): Resource => {
  const found = BUILTIN.find((resource) => resource.plural === plural && resource.group === group);
  if (!found) throw new Error(`no built-in resource ${plural}.${group}`);
  return found;
};

const findByArgument = (resources: readonly Resource[], word: string): Resource | undefined => {
  const lower = word.toLowerCase();
  const named = (resource: Resource, name: string): boolean =>
    resource.plural === name || resource.singular === name || resource.shortNames.includes(name);
  const plain = resources.find((resource) => named(resource, lower));
  if (plain) return plain;
  const dot = lower.indexOf('.');
  if (dot < 0) return undefined;
  const name = lower.slice(0, dot);
  const rest = lower.slice(dot + 1);
  const byGroup = resources.find((resource) => named(resource, name) && resource.group === rest);
  if (byGroup) return byGroup;
  const [version = '', ...group] = rest.split('.');
  return resources.find((resource) => named(resource, name) && resource.version === version && resource.group === group.join('.'));
};
