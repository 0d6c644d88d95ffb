import type { KubeObject } from '../../api/meta/object.ts';
import { selectorFromObject } from '../../api/meta/selector.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { PolicyRule } from '../../api/types/rbac-v1.ts';

interface AggregationRule {
  clusterRoleSelectors?: LabelSelector[];
}

/** The rules of a ClusterRole that gathers those of others by their labels; `admin` gathers `edit`, which gathers `view`. */
export const aggregatedRules = (role: KubeObject, all: readonly KubeObject[]): PolicyRule[] => {
  const selectors = ((role['aggregationRule'] as AggregationRule | undefined)?.clusterRoleSelectors ?? []).map(selectorFromObject);
  const found = new Map<string, PolicyRule>();
  const others = all.filter((other) => other.metadata.name !== role.metadata.name);
  for (const other of others) {
    if (!selectors.some((selector) => selector.matches(other.metadata.labels))) continue;
    // Each step down leaves one role out, so that a circle of roles ends.
    const gathered = other['aggregationRule'] ? aggregatedRules(other, others) : [];
    for (const rule of [...((other['rules'] as PolicyRule[] | null | undefined) ?? []), ...gathered]) found.set(JSON.stringify(rule), rule);
  }
  return [...found.values()];
};
