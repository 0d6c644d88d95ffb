import type { NodeInfo } from './model/node-info.ts';
import type { Rejection } from './plugin.ts';

/** Why no node will do, and what is needed to try to make room or to know when to try again. */
export interface Unfit {
  nodeCount: number;
  /** The whole explanation when no node was even looked at. */
  refusal: string | undefined;
  rejected: readonly { node: NodeInfo; rejection: Rejection }[];
  /** Nodes that were left out because a plugin knows that only others can do, and the names of such plugins. */
  leftOut: { count: number; plugins: readonly string[] };
  /** Names of the plugins that stood in the way. */
  plugins: ReadonlySet<string>;
}

/** `0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.`, in upstream's form. */
export const explainUnfit = (unfit: Unfit): string => {
  const head = `0/${unfit.nodeCount} nodes are available:`;
  if (unfit.refusal !== undefined) return `${head} ${unfit.refusal}.`;
  const { count, plugins } = unfit.leftOut;
  const absent = plugins.length > 0 ? [{ reason: `node(s) didn't satisfy plugin(s) [${[...plugins].sort().join(' ')}]`, count }] : [];
  return summarize(
    unfit.nodeCount,
    unfit.rejected.map(({ rejection }) => rejection.reasons),
    absent,
  );
};

/** Counts equal reasons and lists them in the order of their texts, as people know it. */
export const summarize = (
  nodeCount: number,
  reasonsPerNode: readonly (readonly string[])[],
  more: readonly { reason: string; count: number }[] = [],
): string => {
  const counts = new Map<string, number>();
  for (const reasons of reasonsPerNode) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  for (const { reason, count } of more) if (count > 0) counts.set(reason, (counts.get(reason) ?? 0) + count);
  const texts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return `0/${nodeCount} nodes are available:${texts.length > 0 ? ` ${texts.join(', ')}.` : ''}`;
};
