import { readFile } from 'node:fs/promises';
import type { AgentConfig } from '../../api/config/agent-config.ts';
import type { CriClient } from '../cri/cri-client.ts';
import type { Machine } from '../node/machine.ts';
import type { Cgroups } from '../pods/cgroups.ts';
import { LABEL } from '../pods/labels.ts';
import type { PodManager } from '../pods/pod-manager.ts';
import { latestContainer, readySandbox } from '../pods/runtime-state.ts';

export interface StatsSources {
  config: AgentConfig;
  cri: CriClient;
  cgroups: Cgroups;
  manager: PodManager;
  machine: Machine;
  startedAt: number;
}

interface ContainerUsage {
  pod: string;
  namespace: string;
  uid: string;
  container: string;
  startedAt: number;
  cpuNanoseconds: number;
  workingSetBytes: number;
  usageBytes: number;
  diskBytes: number;
}

interface Usage {
  cpuNanoseconds: number;
  workingSetBytes: number;
  memoryBytes: number;
  rssBytes: number;
}

const NOTHING: Usage = { cpuNanoseconds: 0, workingSetBytes: 0, memoryBytes: 0, rssBytes: 0 };

const readContainers = async ({ cri, manager }: StatsSources): Promise<ContainerUsage[]> => {
  const { stats } = await cri.listContainerStats({});
  const workers = new Map([...manager.workers()].map((worker) => [worker.pod.metadata.uid ?? '', worker]));
  return stats.flatMap((stat) => {
    const labels = stat.attributes?.labels ?? {};
    const uid = labels[LABEL.podUid] ?? '';
    const container = labels[LABEL.containerName] ?? '';
    const state = workers.get(uid)?.state;
    const latest = state && latestContainer(state, container);
    if (latest?.state !== 'running' || latest.id !== stat.attributes?.id) return [];
    return [
      {
        pod: labels[LABEL.podName] ?? '',
        namespace: labels[LABEL.podNamespace] ?? '',
        uid,
        container,
        startedAt: latest.startedAt,
        cpuNanoseconds: stat.cpu?.usageCoreNanoSeconds?.value ?? 0,
        workingSetBytes: stat.memory?.workingSetBytes?.value ?? 0,
        usageBytes: stat.memory?.usageBytes?.value ?? stat.memory?.workingSetBytes?.value ?? 0,
        diskBytes: stat.writableLayer?.usedBytes?.value ?? 0,
      },
    ];
  });
};

/** The node's own cgroup; the host's root where the node is all of the machine. */
const readNode = async ({ cgroups }: StatsSources): Promise<Usage> => (await cgroups.usage(cgroups.rootPath)) ?? NOTHING;

/** `/metrics/resource`: what metrics-server reads. */
export const resourceMetrics = async (sources: StatsSources): Promise<string> => {
  const [containers, node] = await Promise.all([readContainers(sources), readNode(sources)]);
  const now = Date.now();
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, values: readonly [labels: string, value: number][]): void => {
    lines.push(`# HELP ${name} [STABLE] ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of values) lines.push(`${name}${labels} ${value} ${now}`);
  };
  const of = (read: (usage: ContainerUsage) => number): [string, number][] =>
    containers.map((usage) => [`{container="${usage.container}",namespace="${usage.namespace}",pod="${usage.pod}"}`, read(usage)]);
  const ofPods = (read: (usage: ContainerUsage) => number): [string, number][] => {
    const sums = new Map<string, number>();
    for (const usage of containers) {
      const key = `{namespace="${usage.namespace}",pod="${usage.pod}"}`;
      sums.set(key, (sums.get(key) ?? 0) + read(usage));
    }
    return [...sums];
  };
  family(
    'container_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed by the container in core-seconds',
    of(({ cpuNanoseconds }) => cpuNanoseconds / 1e9),
  );
  family(
    'container_memory_working_set_bytes',
    'gauge',
    'Current working set of the container in bytes',
    of(({ workingSetBytes }) => workingSetBytes),
  );
  family(
    'container_start_time_seconds',
    'gauge',
    'Start time of the container since unix epoch in seconds',
    of(({ startedAt }) => startedAt / 1000),
  );
  family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', [
    ['', node.cpuNanoseconds / 1e9],
  ]);
  family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', [['', node.workingSetBytes]]);
  family(
    'pod_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed by the pod in core-seconds',
    ofPods(({ cpuNanoseconds }) => cpuNanoseconds / 1e9),
  );
  family(
    'pod_memory_working_set_bytes',
    'gauge',
    'Current working set of the pod in bytes',
    ofPods(({ workingSetBytes }) => workingSetBytes),
  );
  lines.push(
    '# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
    '# TYPE resource_scrape_error gauge',
    'resource_scrape_error 0',
  );
  return `${lines.join('\n')}\n`;
};

/** `/metrics/cadvisor`: the few of its many metrics that dashboards use. */
export const cadvisorMetrics = async (sources: StatsSources): Promise<string> => {
  const [containers, node] = await Promise.all([readContainers(sources), readNode(sources)]);
  const labels = ({ container, namespace, pod, uid }: ContainerUsage): string =>
    `{container="${container}",id="/kubepods/pod${uid}/${container}",image="",name="${container}",namespace="${namespace}",pod="${pod}"}`;
  const lines: string[] = [];
  const family = (name: string, type: string, read: (usage: ContainerUsage) => number, root: number): void => {
    lines.push(`# TYPE ${name} ${type}`, `${name}{container="",id="/",image="",name="",namespace="",pod=""} ${root}`);
    for (const usage of containers) lines.push(`${name}${labels(usage)} ${read(usage)}`);
  };
  family('container_cpu_usage_seconds_total', 'counter', ({ cpuNanoseconds }) => cpuNanoseconds / 1e9, node.cpuNanoseconds / 1e9);
  family('container_memory_working_set_bytes', 'gauge', ({ workingSetBytes }) => workingSetBytes, node.workingSetBytes);
  family('container_memory_usage_bytes', 'gauge', ({ usageBytes }) => usageBytes, node.memoryBytes);
  family('container_fs_usage_bytes', 'gauge', ({ diskBytes }) => diskBytes, 0);
  lines.push('# TYPE machine_cpu_cores gauge', `machine_cpu_cores ${sources.machine.cpuMillis / 1000}`);
  lines.push('# TYPE machine_memory_bytes gauge', `machine_memory_bytes ${sources.machine.memoryBytes}`);
  return `${lines.join('\n')}\n`;
};

/** `/metrics`: the agent itself. */
export const agentMetrics = async ({ manager, startedAt }: StatsSources): Promise<string> => {
  const { user, system } = process.cpuUsage();
  const workers = [...manager.workers()];
  const running = workers.filter((worker) => worker.status.phase === 'Running').length;
  const threads = /^Threads:\s+(\d+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '1';
  const metrics: [name: string, type: string, value: number][] = [
    ['process_cpu_seconds_total', 'counter', (user + system) / 1e6],
    ['process_resident_memory_bytes', 'gauge', process.memoryUsage.rss()],
    ['process_start_time_seconds', 'gauge', startedAt / 1000],
    ['process_threads', 'gauge', Number(threads)],
    ['kubelet_running_pods', 'gauge', running],
    ['kubelet_desired_pods', 'gauge', workers.length],
  ];
  return `${metrics.map(([name, type, value]) => `# TYPE ${name} ${type}\n${name} ${value}`).join('\n')}\n`;
};

/** `/stats/summary`, as far as the runtime and the cgroups tell. */
export const statsSummary = async (sources: StatsSources): Promise<object> => {
  const { config, machine, manager, startedAt } = sources;
  const [containers, node] = await Promise.all([readContainers(sources), readNode(sources)]);
  const time = new Date().toISOString();
  const memory = (workingSetBytes: number, usageBytes: number): object => ({ time, workingSetBytes, usageBytes });
  const cpu = (usageCoreNanoSeconds: number): object => ({ time, usageCoreNanoSeconds });
  const pods = [...manager.workers()]
    .filter(({ state }) => state && readySandbox(state))
    .map(({ pod }) => {
      const own = containers.filter(({ uid }) => uid === pod.metadata.uid);
      const sum = (read: (usage: ContainerUsage) => number): number => own.reduce((total, usage) => total + read(usage), 0);
      return {
        podRef: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
        startTime: pod.status?.startTime ?? time,
        cpu: cpu(sum(({ cpuNanoseconds }) => cpuNanoseconds)),
        memory: memory(
          sum(({ workingSetBytes }) => workingSetBytes),
          sum(({ usageBytes }) => usageBytes),
        ),
        containers: own.map((usage) => ({
          name: usage.container,
          startTime: new Date(usage.startedAt).toISOString(),
          cpu: cpu(usage.cpuNanoseconds),
          memory: memory(usage.workingSetBytes, usage.usageBytes),
          rootfs: { time, usedBytes: usage.diskBytes },
        })),
      };
    });
  return {
    node: {
      nodeName: config.nodeName,
      startTime: new Date(startedAt).toISOString(),
      cpu: cpu(node.cpuNanoseconds),
      memory: {
        ...memory(node.workingSetBytes, node.memoryBytes),
        availableBytes: Math.max(0, machine.memoryBytes - node.workingSetBytes),
        rssBytes: node.rssBytes,
      },
      fs: { time, capacityBytes: machine.diskBytes },
    },
    pods,
  };
};
