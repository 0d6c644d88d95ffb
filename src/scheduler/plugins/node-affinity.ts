import { normalizeByLargest, reject, type SchedulerPlugin } from '../plugin.ts';

const NO_MATCH = reject("node(s) didn't match Pod's node affinity/selector", { resolvable: false });

/** nodeSelector, required and preferred node affinity. */
export const nodeAffinity: SchedulerPlugin = {
  name: 'NodeAffinity',
  weight: 2,
  prepareFilter: (pod) => {
    const { nodeMatcher } = pod;
    return nodeMatcher && { filter: (node) => (nodeMatcher.matches(node) ? undefined : NO_MATCH), only: nodeMatcher.names };
  },
  prepareScore: (pod) => {
    const { preferredNodes } = pod;
    if (preferredNodes.length === 0) return undefined;
    return {
      score: (node) => {
        let score = 0;
        for (const term of preferredNodes) if (term.matches(node)) score += term.weight;
        return score;
      },
      normalize: (scores) => normalizeByLargest(scores, { reverse: false }),
    };
  },
  mayHelp: (event) => event.kind === 'node-added' || (event.kind === 'node-changed' && event.what !== 'allocatable'),
};
