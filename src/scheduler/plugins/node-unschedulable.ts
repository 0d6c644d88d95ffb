import { reject, type SchedulerPlugin } from '../plugin.ts';
import { tolerates } from './taint-toleration.ts';

const UNSCHEDULABLE = reject('node(s) were unschedulable', { resolvable: false });
const TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Cordoned nodes take only pods that tolerate it. */
export const nodeUnschedulable: SchedulerPlugin = {
  name: 'NodeUnschedulable',
  prepareFilter: (pod) => {
    if (pod.tolerations.some((toleration) => tolerates(toleration, TAINT))) return undefined;
    return { filter: (node) => (node.unschedulable ? UNSCHEDULABLE : undefined) };
  },
  mayHelp: (event) => event.kind === 'node-added' || event.kind === 'node-changed',
};
