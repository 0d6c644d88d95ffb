import type { SchedulerPlugin } from '../plugin.ts';

const MIB = 1024 * 1024;
const LEAST = 23 * MIB;
const MOST_PER_CONTAINER = 1000 * MIB;

/** Prefers nodes that have the pod's images already; an image that few nodes have counts less, so that they are not swamped. */
export const imageLocality: SchedulerPlugin = {
  name: 'ImageLocality',
  prepareScore: (pod, { state }) => {
    const images = pod.images.filter((image) => state.nodesWithImage(image) > 0);
    if (images.length === 0) return undefined;
    const most = MOST_PER_CONTAINER * pod.images.length;
    const total = state.nodes.length;
    return {
      score: (node) => {
        let sum = 0;
        for (const image of images) sum += Math.trunc((node.images.get(image) ?? 0) * (state.nodesWithImage(image) / total));
        return Math.trunc((100 * (Math.min(Math.max(sum, LEAST), most) - LEAST)) / (most - LEAST));
      },
    };
  },
  mayHelp: () => false,
};
