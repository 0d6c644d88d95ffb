import { reject, type SchedulerPlugin } from '../plugin.ts';

const OTHER_NODE = reject("node(s) didn't match the requested node name", { resolvable: false });

/** A pod that names its node goes nowhere else. */
export const nodeName: SchedulerPlugin = {
  name: 'NodeName',
  prepareFilter: (pod) => {
    const wanted = pod.spec.nodeName;
    return wanted ? { filter: (node) => (node.name === wanted ? undefined : OTHER_NODE), only: new Set([wanted]) } : undefined;
  },
  mayHelp: (event) => event.kind === 'node-added',
};
