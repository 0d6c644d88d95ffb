import type { CommandClass } from '../cli/base-command.ts';
import type { CommandGroup } from '../cli/help.ts';

export interface CommandEntry {
  summary: string;
  group: CommandGroup;
  /** Left out of help and completion. */
  hidden?: boolean;
  load: () => Promise<{ default: CommandClass }>;
}

/** Every command: what is typed -> how it is loaded. Only the one that runs is read from disk; help needs no more than this table. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  up: { summary: 'Make a cluster, or bring one up to what is asked', group: 'Clusters', load: () => import('./up.ts') },
  down: { summary: 'Remove a cluster with everything that belongs to it', group: 'Clusters', load: () => import('./down.ts') },
  start: { summary: 'Start the machines of a cluster; its workloads come back', group: 'Clusters', load: () => import('./start.ts') },
  stop: { summary: 'Stop the machines of a cluster; its data stays', group: 'Clusters', load: () => import('./stop.ts') },
  status: { summary: 'How a cluster is: machines, API, certificates', group: 'Clusters', load: () => import('./status.ts') },
  'node list': { summary: 'List the nodes of a cluster with their machines', group: 'Clusters', load: () => import('./node/list.ts') },
  'node add': { summary: 'Add nodes to a cluster', group: 'Clusters', load: () => import('./node/add.ts') },
  'node remove': { summary: 'Drain a node and remove it', group: 'Clusters', load: () => import('./node/remove.ts') },
  'node start': { summary: 'Start a node that is off', group: 'Clusters', load: () => import('./node/start.ts') },
  'node stop': { summary: 'Stop a node in order', group: 'Clusters', load: () => import('./node/stop.ts') },
  'node kill': { summary: 'Power failure of a node', group: 'Clusters', load: () => import('./node/kill.ts') },
  doctor: { summary: 'Check this host and all clusters', group: 'Troubleshoot', load: () => import('./doctor.ts') },
  'logs-of': { summary: 'Show what a service of a node has logged', group: 'Troubleshoot', load: () => import('./logs-of.ts') },
  get: { summary: 'Show objects', group: 'Look', load: () => import('./get.ts') },
  version: { summary: 'Versions of this program and of the cluster', group: 'Settings', load: () => import('./version.ts') },
};
