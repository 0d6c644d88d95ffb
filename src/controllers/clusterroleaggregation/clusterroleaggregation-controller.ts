import { semanticEqual } from '../../api/meta/equality.ts';
import type { Stored } from '../../api/meta/object.ts';
import { clusterRole as clusterRoles } from '../../api/rbac/cluster-role.ts';
import type { ClusterRole, PolicyRule } from '../../api/types/rbac-v1.ts';
import type { Controller } from '../controller.ts';
import { selects } from '../label-selector.ts';
import { canonicalJson } from '../template-hash.ts';

/** ClusterRoles that are put together from others by label: admin, edit, view. */
export const clusterRoleAggregationController: Controller = {
  name: 'clusterrole-aggregation',
  serviceAccount: 'clusterrole-aggregation-controller',
  build: ({ client, informers }) => {
    const all = informers.of<ClusterRole>(clusterRoles);
    return {
      watches: [
        (enqueue) => {
          const tell = (): void => {
            for (const role of all.list()) if (role.aggregationRule) enqueue(role.metadata.name ?? '');
          };
          return all.addHandler({ add: tell, update: tell, delete: tell });
        },
      ],
      sync: async (name) => {
        const role = all.get(name);
        if (!role?.aggregationRule || role.metadata.deletionTimestamp) return undefined;
        const rules = aggregatedRules(role, all.list());
        if (!semanticEqual(rules, role.rules)) await client.update(clusterRoles, { ...role, rules });
        return undefined;
      },
    };
  },
};

/** The rules of all roles that match, each once, in the order of the roles' names. */
export const aggregatedRules = (role: Stored<ClusterRole>, all: readonly Stored<ClusterRole>[]): PolicyRule[] => {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  const matching = all
    .filter((other) => other.metadata.name !== role.metadata.name && selectors.some((selector) => selects(selector, other.metadata.labels)))
    .sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  const rules = new Map<string, PolicyRule>();
  for (const other of matching) for (const rule of other.rules ?? []) rules.set(canonicalJson(rule), rule);
  return [...rules.values()];
};
