import { reject, type SchedulerPlugin } from '../plugin.ts';

const TAKEN = reject("node(s) didn't have free ports for the requested pod ports", { resolvable: true });

/** Two pods cannot have the same port of one node. */
export const nodePorts: SchedulerPlugin = {
  name: 'NodePorts',
  prepareFilter: (pod) => {
    const { hostPorts } = pod;
    if (hostPorts.length === 0) return undefined;
    return { filter: (node) => (hostPorts.some((port) => node.hasPortConflict(port)) ? TAKEN : undefined) };
  },
  mayHelp: (event) => event.kind === 'node-added' || (event.kind === 'pod-gone' && event.pod.hostPorts.length > 0),
};
