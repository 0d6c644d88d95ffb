import type { NodeInfo } from '../model/node-info.ts';
import type { SchedulerPlugin } from '../plugin.ts';

/** Prefers nodes where the pod brings the used shares of CPU and memory closer together. */
export const balancedAllocation: SchedulerPlugin = {
  name: 'NodeResourcesBalancedAllocation',
  prepareScore: (pod) => {
    const { cpu, memory } = pod.requests;
    if (cpu === 0 && memory === 0) return undefined;
    return {
      score: (node) => {
        const withPod = balance(node, node.cpu + cpu, node.memory + memory);
        const withoutPod = balance(node, node.cpu, node.memory);
        return 50 + Math.trunc((50 + withPod - withoutPod) / 2);
      },
    };
  },
  mayHelp: () => false,
};

/** 100 when both are used to the same share. */
const balance = (node: NodeInfo, cpu: number, memory: number): number => {
  const { allocatable } = node;
  if (allocatable.cpu === 0 || allocatable.memory === 0) return 100;
  const difference = Math.abs(Math.min(cpu / allocatable.cpu, 1) - Math.min(memory / allocatable.memory, 1)) / 2;
  return Math.trunc((1 - difference) * 100);
};
