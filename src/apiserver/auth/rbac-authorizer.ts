import type { KubeObject } from '../../api/meta/object.ts';
import { clusterRole } from '../../api/rbac/cluster-role.ts';
import { clusterRoleBinding } from '../../api/rbac/cluster-role-binding.ts';
import { role } from '../../api/rbac/role.ts';
import { roleBinding } from '../../api/rbac/role-binding.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';
import type { WatchCache, WatchCursor } from '../watch/watch-cache.ts';
import { aggregatedRules } from './aggregated-rules.ts';
import type { AccessRequest, Authorizer, Decision } from './authorizer.ts';

interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

/** Rules that one binding gives to its subjects, and where. */
export interface Grant {
  /** '' everywhere. */
  readonly namespace: string;
  readonly rules: readonly PolicyRule[];
  /** For the reason: which binding and role. */
  readonly source: string;
  /** The role that is missing, if it is. */
  readonly missing: string;
}

/**
 * RBAC compiled to a table from subject to grants. The table is made again when one of the four resources has changed, which the
 * cursors tell without waiting: a decision always shows every acknowledged write.
 */
export class RbacAuthorizer implements Authorizer {
  readonly #cache: WatchCache;
  #cursors: WatchCursor[] = [];
  #grants = new Map<string, Grant[]>();
  #ready: Promise<void> | undefined;
  #current = false;

  constructor(cache: WatchCache) {
    this.#cache = cache;
  }

  authorize(request: AccessRequest): Decision | undefined | Promise<Decision | undefined> {
    if (request.user.groups.includes('system:masters')) return MASTER;
    if (this.#current && this.#cursors.every((cursor) => cursor.idle && !cursor.closed)) return this.#decide(request);
    return this.#refresh().then(() => this.#decide(request));
  }

  /** Every rule that holds for the user in the namespace ('' for cluster-wide ones alone). */
  async rulesFor(user: UserInfo, namespace: string): Promise<{ rules: PolicyRule[]; missing: string[] }> {
    await this.#refresh();
    const rules: PolicyRule[] = [];
    const missing: string[] = [];
    for (const grant of this.#grantsOf(user)) {
      if (grant.namespace !== '' && grant.namespace !== namespace) continue;
      if (grant.missing) missing.push(grant.missing);
      rules.push(...grant.rules);
    }
    return { rules, missing };
  }

  /** The rules of a role as it stands; undefined when there is none. */
  async rulesOfRole(reference: { kind: string; name: string }, namespace: string): Promise<readonly PolicyRule[] | undefined> {
    const kind = reference.kind === 'ClusterRole' ? clusterRole : role;
    const item = await this.#cache.resource(kind).get({ namespace: kind.namespaced ? namespace : '', name: reference.name });
    return item ? rulesOf(item.object) : undefined;
  }

  stop(): void {
    for (const cursor of this.#cursors) cursor.close();
    this.#cursors = [];
    this.#current = false;
  }

  #decide(request: AccessRequest): Decision | undefined {
    const missing: string[] = [];
    for (const grant of this.#grantsOf(request.user)) {
      if (grant.namespace !== '' && grant.namespace !== request.namespace) continue;
      if (grant.missing) missing.push(grant.missing);
      for (const rule of grant.rules) if (ruleAllows(rule, request)) return { allowed: true, reason: grant.source };
    }
    return missing.length
      ? { allowed: false, reason: `RBAC: ${missing.length === 1 ? missing[0] : `[${missing.join(', ')}]`}` }
      : undefined;
  }

  *#grantsOf(user: UserInfo): Iterable<Grant> {
    const own = this.#grants.get(`User:${user.name}`);
    if (own) yield* own;
    for (const group of user.groups) {
      const grants = this.#grants.get(`Group:${group}`);
      if (grants) yield* grants;
    }
  }

  async #refresh(): Promise<void> {
    while (this.#ready) await this.#ready;
    this.#ready = this.#compile().finally(() => {
      this.#ready = undefined;
    });
    await this.#ready;
  }

  async #compile(): Promise<void> {
    const resources = [clusterRole, clusterRoleBinding, role, roleBinding].map((kind) => this.#cache.resource(kind));
    if (this.#cursors.length === 0 || this.#cursors.some((cursor) => cursor.closed)) {
      this.#cursors = await Promise.all(resources.map((resource) => resource.watch()));
      this.#current = false;
    }
    let changed = !this.#current;
    for (const cursor of this.#cursors)
      while (!cursor.idle) {
        if (cursor.read().length > 0) changed = true;
        else break;
      }
    if (!changed) return;
    const [clusterRoles, clusterBindings, roles, bindings] = resources.map((resource) => resource.items().map((item) => item.object));
    this.#grants = compileGrants({
      clusterRoles: clusterRoles ?? [],
      clusterBindings: clusterBindings ?? [],
      roles: roles ?? [],
      bindings: bindings ?? [],
    });
    this.#current = true;
  }
}

const MASTER: Decision = Object.freeze({ allowed: true, reason: 'system:masters' });

const rulesOf = (object: KubeObject): readonly PolicyRule[] => (object['rules'] as PolicyRule[] | null | undefined) ?? [];

interface RbacObjects {
  clusterRoles: readonly KubeObject[];
  clusterBindings: readonly KubeObject[];
  roles: readonly KubeObject[];
  bindings: readonly KubeObject[];
}

export const compileGrants = (objects: RbacObjects): Map<string, Grant[]> => {
  const clusterRules = new Map(
    objects.clusterRoles.map((object) => [
      object.metadata.name ?? '',
      object['aggregationRule'] ? aggregatedRules(object, objects.clusterRoles) : rulesOf(object),
    ]),
  );
  const roleRules = new Map(objects.roles.map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, rulesOf(object)]));
  const grants = new Map<string, Grant[]>();
  const add = (binding: KubeObject, namespace: string): void => {
    const reference = binding['roleRef'] as { kind: string; name: string };
    const rules = reference.kind === 'ClusterRole' ? clusterRules.get(reference.name) : roleRules.get(`${namespace}/${reference.name}`);
    const resource = reference.kind === 'ClusterRole' ? 'clusterrole' : 'role';
    const bindingText = namespace ? `RoleBinding "${binding.metadata.name}/${namespace}"` : `ClusterRoleBinding "${binding.metadata.name}"`;
    for (const subject of (binding['subjects'] as Subject[] | undefined) ?? []) {
      const key = subjectKey(subject, namespace);
      if (!key) continue;
      const who =
        subject.kind === 'ServiceAccount' ? `ServiceAccount "${subject.name}/${subject.namespace}"` : `${subject.kind} "${subject.name}"`;
      const grant: Grant = {
        namespace,
        rules: rules ?? [],
        source: `RBAC: allowed by ${bindingText} of ${reference.kind} "${reference.name}" to ${who}`,
        missing: rules ? '' : `${resource}.rbac.authorization.k8s.io "${reference.name}" not found`,
      };
      const list = grants.get(key);
      if (list) list.push(grant);
      else grants.set(key, [grant]);
    }
  };
  for (const binding of objects.clusterBindings) add(binding, '');
  for (const binding of objects.bindings) add(binding, binding.metadata.namespace ?? '');
  return grants;
};

const subjectKey = (subject: Subject, namespace: string): string | undefined => {
  if (subject.kind === 'User' || subject.kind === 'Group') return `${subject.kind}:${subject.name}`;
  if (subject.kind !== 'ServiceAccount') return undefined;
  const of = subject.namespace || namespace;
  return of ? `User:system:serviceaccount:${of}:${subject.name}` : undefined;
};

/** Whether one rule allows one request, as upstream reads rules. */
export const ruleAllows = (rule: PolicyRule, request: AccessRequest): boolean => {
  if (!has(rule.verbs, request.verb, '*')) return false;
  if (request.path) return (rule.nonResourceURLs ?? []).some((url) => pathMatches(url, request.path));
  if (!has(rule.apiGroups, request.group, '*')) return false;
  const resources = rule.resources;
  if (!resources) return false;
  const wanted = request.subresource ? `${request.resource}/${request.subresource}` : request.resource;
  const byResource = resources.some(
    (resource) => resource === '*' || resource === wanted || (request.subresource !== '' && resource === `*/${request.subresource}`),
  );
  if (!byResource) return false;
  return !rule.resourceNames?.length || rule.resourceNames.includes(request.name);
};

const has = (values: readonly string[] | undefined | null, wanted: string, all: string): boolean =>
  values !== undefined && values !== null && (values.includes(wanted) || values.includes(all));

const pathMatches = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1).replace(/\*+$/, '')));
