import type { Unfit } from './fit-error.ts';
import type { NodeInfo } from './model/node-info.ts';
import type { PodInfo } from './model/pod-info.ts';
import type { PreparedFilter, PreparedScore, Rejection, SchedulerPlugin, World } from './plugin.ts';

export type Verdict = { kind: 'fits'; node: NodeInfo } | { kind: 'no-nodes' } | { kind: 'unfit'; unfit: Unfit };

/** Below this many nodes all are looked at; above, fewer and fewer of them, since a good one is soon found. */
const LEAST_NODES = 100;
const LEAST_PERCENT = 5;

/** How many nodes that fit are enough to choose from. */
export const enoughNodes = (nodeCount: number): number => {
  if (nodeCount < LEAST_NODES) return nodeCount;
  const percent = Math.max(50 - Math.trunc(nodeCount / 125), LEAST_PERCENT);
  return Math.max(Math.trunc((nodeCount * percent) / 100), LEAST_NODES);
};

/** The filters that concern one pod, ready to be asked about nodes. */
export interface PreparedFilters {
  filters: readonly { plugin: string; filter: PreparedFilter['filter'] }[];
  only: ReadonlySet<string> | undefined;
  onlyPlugins: readonly string[];
}

export const prepareFilters = (
  pod: PodInfo,
  world: World,
  plugins: readonly SchedulerPlugin[],
): PreparedFilters | { refusal: string; plugin: string } => {
  const filters: { plugin: string; filter: PreparedFilter['filter'] }[] = [];
  let only: ReadonlySet<string> | undefined;
  const onlyPlugins: string[] = [];
  for (const plugin of plugins) {
    const prepared = plugin.prepareFilter?.(pod, world);
    if (!prepared) continue;
    if ('refusal' in prepared) return { refusal: prepared.refusal, plugin: plugin.name };
    filters.push({ plugin: plugin.name, filter: prepared.filter });
    if (prepared.only) {
      only = only ? only.intersection(prepared.only) : prepared.only;
      onlyPlugins.push(plugin.name);
    }
  }
  return { filters, only, onlyPlugins };
};

/** Undefined: it fits. */
export const firstRejection = (prepared: PreparedFilters, node: NodeInfo): { plugin: string; rejection: Rejection } | undefined => {
  for (const { plugin, filter } of prepared.filters) {
    const rejection = filter(node);
    if (rejection) return { plugin, rejection };
  }
  return undefined;
};

/**
 * Chooses the node for a pod: filters from where the last cycle ended until enough nodes fit, scores those, and takes the best;
 * chance decides between equals.
 */
export class SchedulingCycle {
  readonly #world: World;
  readonly #plugins: readonly SchedulerPlugin[];
  readonly #random: () => number;
  #start = 0;

  constructor(options: { world: World; plugins: readonly SchedulerPlugin[]; random: () => number }) {
    this.#world = options.world;
    this.#plugins = options.plugins;
    this.#random = options.random;
  }

  choose(pod: PodInfo): Verdict {
    const all = this.#world.state.nodes;
    if (all.length === 0) return { kind: 'no-nodes' };
    const prepared = prepareFilters(pod, this.#world, this.#plugins);
    if ('refusal' in prepared) {
      const plugins = new Set([prepared.plugin]);
      return {
        kind: 'unfit',
        unfit: { nodeCount: all.length, refusal: prepared.refusal, rejected: [], leftOut: { count: 0, plugins: [] }, plugins },
      };
    }
    // A node that a preemption has emptied for this pod comes before all others.
    const nominated = this.#world.state.node(pod.pod.status?.nominatedNodeName ?? '');
    if (nominated && !this.#rejectionOf(pod, prepared, nominated)) return { kind: 'fits', node: nominated };
    const { only } = prepared;
    const candidates = only ? all.filter((node) => only.has(node.name)) : all;
    const { fitting, rejected, plugins } = this.#filter(pod, prepared, candidates);
    if (fitting.length > 0) return { kind: 'fits', node: this.#best(pod, fitting) };
    const leftOut = { count: all.length - candidates.length, plugins: only ? prepared.onlyPlugins : [] };
    for (const name of leftOut.plugins) plugins.add(name);
    return { kind: 'unfit', unfit: { nodeCount: all.length, refusal: undefined, rejected, leftOut, plugins } };
  }

  #filter(pod: PodInfo, prepared: PreparedFilters, nodes: readonly NodeInfo[]) {
    const enough = enoughNodes(nodes.length);
    const fitting: NodeInfo[] = [];
    const rejected: { node: NodeInfo; rejection: Rejection }[] = [];
    const plugins = new Set<string>();
    const first = nodes.length === 0 ? 0 : this.#start % nodes.length;
    let looked = 0;
    while (looked < nodes.length && fitting.length < enough) {
      const index = first + looked;
      const node = nodes[index < nodes.length ? index : index - nodes.length] as NodeInfo;
      looked += 1;
      const found = this.#rejectionOf(pod, prepared, node);
      if (!found) fitting.push(node);
      else {
        rejected.push({ node, rejection: found.rejection });
        plugins.add(found.plugin);
      }
    }
    if (nodes.length === this.#world.state.nodes.length) this.#start = (first + looked) % Math.max(nodes.length, 1);
    return { fitting, rejected, plugins };
  }

  /** Pods of the same or higher priority that wait for their room on a node count as if they were there, and as if not. */
  #rejectionOf(pod: PodInfo, prepared: PreparedFilters, node: NodeInfo): { plugin: string; rejection: Rejection } | undefined {
    const { state } = this.#world;
    const before = state.nominatedBefore(pod, node.name);
    if (before.length > 0) {
      const rejection = state.tryWith(before, node.name, () => {
        const again = prepareFilters(pod, this.#world, this.#plugins);
        return 'refusal' in again ? undefined : firstRejection(again, node);
      });
      if (rejection) return rejection;
    }
    return firstRejection(prepared, node);
  }

  #best(pod: PodInfo, nodes: readonly NodeInfo[]): NodeInfo {
    if (nodes.length === 1) return nodes[0] as NodeInfo;
    const totals = new Float64Array(nodes.length);
    const scores = new Float64Array(nodes.length);
    for (const plugin of this.#plugins) {
      const prepared = plugin.prepareScore?.(pod, this.#world, nodes);
      if (prepared) addScores(totals, scores, nodes, prepared, plugin.weight ?? 1);
    }
    let best = 0;
    let equals = 1;
    for (let index = 1; index < totals.length; index += 1) {
      const difference = (totals[index] ?? 0) - (totals[best] ?? 0);
      if (difference < 0) continue;
      if (difference > 0) {
        best = index;
        equals = 1;
        continue;
      }
      equals += 1;
      if (this.#random() * equals < 1) best = index;
    }
    return nodes[best] as NodeInfo;
  }
}

const addScores = (
  totals: Float64Array,
  scores: Float64Array,
  nodes: readonly NodeInfo[],
  prepared: PreparedScore,
  weight: number,
): void => {
  for (let index = 0; index < nodes.length; index += 1) scores[index] = prepared.score(nodes[index] as NodeInfo);
  prepared.normalize?.(scores);
  for (let index = 0; index < nodes.length; index += 1) totals[index] = (totals[index] ?? 0) + weight * (scores[index] ?? 0);
};
