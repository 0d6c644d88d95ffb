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
  run: { summary: 'Run an image: a Pod, or with --replicas a Deployment', group: 'Run and change', load: () => import('./run.ts') },
  expose: { summary: 'Make a Service for a workload, Pod or Service', group: 'Run and change', load: () => import('./expose.ts') },
  scale: { summary: 'Set how many replicas of a workload run', group: 'Run and change', load: () => import('./scale.ts') },
  'set image': { summary: 'Change the image of containers', group: 'Run and change', load: () => import('./set/image.ts') },
  'set env': { summary: 'Change the environment of containers', group: 'Run and change', load: () => import('./set/env.ts') },
  'set resources': {
    summary: 'Change requests and limits of containers',
    group: 'Run and change',
    load: () => import('./set/resources.ts'),
  },
  'rollout status': { summary: 'Follow a rollout until it is done', group: 'Run and change', load: () => import('./rollout/status.ts') },
  'rollout history': { summary: 'List the revisions of a Deployment', group: 'Run and change', load: () => import('./rollout/history.ts') },
  'rollout undo': { summary: 'Go back to an earlier revision', group: 'Run and change', load: () => import('./rollout/undo.ts') },
  'rollout pause': { summary: 'Hold the rollout of a Deployment', group: 'Run and change', load: () => import('./rollout/pause.ts') },
  'rollout resume': { summary: 'Let a held rollout go on', group: 'Run and change', load: () => import('./rollout/resume.ts') },
  'rollout restart': { summary: 'Replace all pods of a workload', group: 'Run and change', load: () => import('./rollout/restart.ts') },
  apply: { summary: 'Make objects as files say', group: 'Run and change', load: () => import('./apply.ts') },
  create: { summary: 'Create objects from files, or one by its flags', group: 'Run and change', load: () => import('./create/index.ts') },
  'create namespace': { summary: 'Create a namespace', group: 'Run and change', load: () => import('./create/namespace.ts') },
  'create deployment': { summary: 'Create a Deployment', group: 'Run and change', load: () => import('./create/deployment.ts') },
  'create job': { summary: 'Create a Job', group: 'Run and change', load: () => import('./create/job.ts') },
  'create configmap': { summary: 'Create a ConfigMap', group: 'Run and change', load: () => import('./create/configmap.ts') },
  'create secret generic': { summary: 'Create a Secret', group: 'Run and change', load: () => import('./create/secret-generic.ts') },
  'create service clusterip': { summary: 'Create a Service', group: 'Run and change', load: () => import('./create/service-clusterip.ts') },
  'create service nodeport': {
    summary: 'Create a Service on every node',
    group: 'Run and change',
    load: () => import('./create/service-nodeport.ts'),
  },
  'create service loadbalancer': {
    summary: 'Create a Service with a load balancer',
    group: 'Run and change',
    load: () => import('./create/service-loadbalancer.ts'),
  },
  'create serviceaccount': {
    summary: 'Create a service account',
    group: 'Run and change',
    load: () => import('./create/serviceaccount.ts'),
  },
  'create role': { summary: 'Create a Role', group: 'Run and change', load: () => import('./create/role.ts') },
  'create clusterrole': { summary: 'Create a ClusterRole', group: 'Run and change', load: () => import('./create/clusterrole.ts') },
  'create rolebinding': { summary: 'Create a RoleBinding', group: 'Run and change', load: () => import('./create/rolebinding.ts') },
  'create clusterrolebinding': {
    summary: 'Create a ClusterRoleBinding',
    group: 'Run and change',
    load: () => import('./create/clusterrolebinding.ts'),
  },
  delete: { summary: 'Delete objects', group: 'Run and change', load: () => import('./delete.ts') },
  patch: { summary: 'Change fields of an object', group: 'Run and change', load: () => import('./patch.ts') },
  label: { summary: 'Change labels of objects', group: 'Run and change', load: () => import('./label.ts') },
  annotate: { summary: 'Change annotations of objects', group: 'Run and change', load: () => import('./annotate.ts') },
  logs: { summary: 'Show what containers print', group: 'Look', load: () => import('./logs.ts') },
  exec: { summary: 'Run a command in a container', group: 'Troubleshoot', load: () => import('./exec.ts') },
  attach: { summary: 'Attach to a running container', group: 'Troubleshoot', load: () => import('./attach.ts') },
  'port-forward': { summary: 'Forward local ports to a pod', group: 'Look', load: () => import('./port-forward.ts') },
  get: { summary: 'Show objects', group: 'Look', load: () => import('./get.ts') },
  version: { summary: 'Versions of this program and of the cluster', group: 'Settings', load: () => import('./version.ts') },
};
