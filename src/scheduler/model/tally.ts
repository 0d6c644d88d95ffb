import type { NodeInfo } from './node-info.ts';

/** How many of certain pods are on each node, and by any label of the nodes; kept up to date, so that nothing is counted anew. */
export class Tally {
  readonly perNode = new Map<string, number>();
  readonly #byTopology = new Map<string, Map<string, number>>();
  readonly #nodes: ReadonlyMap<string, NodeInfo>;

  constructor(nodes: ReadonlyMap<string, NodeInfo>) {
    this.#nodes = nodes;
  }

  get isEmpty(): boolean {
    return this.perNode.size === 0;
  }

  add(nodeName: string, delta: number): void {
    bump(this.perNode, nodeName, delta);
    if (this.#byTopology.size === 0) return;
    const labels = this.#nodes.get(nodeName)?.labels;
    for (const [key, counts] of this.#byTopology) {
      const value = labels?.[key];
      if (value !== undefined) bump(counts, value, delta);
    }
  }

  /** Counts by the value of a node label; values without any pod are absent. */
  by(topologyKey: string): ReadonlyMap<string, number> {
    let counts = this.#byTopology.get(topologyKey);
    if (!counts) {
      counts = new Map();
      for (const [name, count] of this.perNode) {
        const value = this.#nodes.get(name)?.labels[topologyKey];
        if (value !== undefined) bump(counts, value, count);
      }
      this.#byTopology.set(topologyKey, counts);
    }
    return counts;
  }

  /** Labels of nodes have changed. */
  forgetTopologies(): void {
    this.#byTopology.clear();
  }
}

const bump = (counts: Map<string, number>, key: string, delta: number): void => {
  const count = (counts.get(key) ?? 0) + delta;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
};
