import type { AgentConfig } from '../../api/config/agent-config.ts';
import type { NodeCondition, NodeStatus, Taint } from '../../api/types/core-v1.ts';
import { bytes, milliCpu } from '../pods/amounts.ts';
import type { Machine, Pressure } from './machine.ts';

/** The Kubernetes version whose kubelet this agent stands in for. */
export const KUBELET_VERSION = 'v1.36.3';
const MAX_IMAGES = 50;

export interface NodeStatusFacts {
  config: Pick<AgentConfig, 'nodeAddress' | 'nodeName' | 'port' | 'maxPods' | 'reserved'>;
  machine: Machine;
  pressure: Pressure;
  /** Why the node is not ready; empty when it is. */
  problems: readonly string[];
  /** `containerd://1.6.20`. */
  runtimeVersion: string;
  images: readonly { names: string[]; sizeBytes: number }[];
  old: readonly NodeCondition[];
  now: string;
}

/** What pods may use: the machine without what is kept for the system. */
export const allocatableOf = (machine: Machine, reserved: AgentConfig['reserved']) => ({
  cpuMillis: Math.max(0, machine.cpuMillis - milliCpu(reserved.cpu)),
  memoryBytes: Math.max(0, machine.memoryBytes - bytes(reserved.memory)),
  ephemeralBytes: Math.floor(machine.diskBytes * 0.9),
});

export const nodeStatus = (facts: NodeStatusFacts): NodeStatus => {
  const { config, machine } = facts;
  const allocatable = allocatableOf(machine, config.reserved);
  const amounts = (cpuMillis: number, memoryBytes: number, diskText: string): Record<string, string> => ({
    cpu: cpuMillis % 1000 === 0 ? String(cpuMillis / 1000) : `${cpuMillis}m`,
    memory: `${Math.floor(memoryBytes / 1024)}Ki`,
    'ephemeral-storage': diskText,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    pods: String(config.maxPods),
  });
  return {
    capacity: amounts(machine.cpuMillis, machine.memoryBytes, `${Math.floor(machine.diskBytes / 1024)}Ki`),
    allocatable: amounts(allocatable.cpuMillis, allocatable.memoryBytes, String(allocatable.ephemeralBytes)),
    conditions: nodeConditions(facts),
    addresses: [
      { type: 'InternalIP', address: config.nodeAddress },
      { type: 'Hostname', address: config.nodeName },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: config.port } },
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: facts.runtimeVersion,
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: '',
      kubeletVersion: KUBELET_VERSION,
      machineID: machine.machineId,
      operatingSystem: 'linux',
      osImage: machine.osImage,
      systemUUID: machine.systemUuid,
    },
    images: [...facts.images].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, MAX_IMAGES),
    runtimeHandlers: [{ name: '', features: { recursiveReadOnlyMounts: false, userNamespaces: false } }],
  };
};

const nodeConditions = ({ pressure, problems, old, now }: NodeStatusFacts): NodeCondition[] => {
  const drafts: NodeCondition[] = [
    pressure.memory
      ? {
          type: 'MemoryPressure',
          status: 'True',
          reason: 'KubeletHasInsufficientMemory',
          message: 'kubelet has insufficient memory available',
        }
      : {
          type: 'MemoryPressure',
          status: 'False',
          reason: 'KubeletHasSufficientMemory',
          message: 'kubelet has sufficient memory available',
        },
    pressure.disk
      ? { type: 'DiskPressure', status: 'True', reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure' }
      : { type: 'DiskPressure', status: 'False', reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
    pressure.pid
      ? { type: 'PIDPressure', status: 'True', reason: 'KubeletHasInsufficientPID', message: 'kubelet has insufficient PID available' }
      : { type: 'PIDPressure', status: 'False', reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
    problems.length === 0
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: problems.join(', ') },
  ];
  return drafts.map((draft) => {
    const before = old.find(({ type }) => type === draft.type);
    const lastTransitionTime = before?.status === draft.status && before.lastTransitionTime ? before.lastTransitionTime : now;
    return { ...draft, lastHeartbeatTime: now, lastTransitionTime };
  });
};

/** `key=value:Effect`, `key:Effect`. Throws on anything else. */
export const parseTaint = (text: string): Taint => {
  const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text);
  if (!match) throw new Error(`taint ${JSON.stringify(text)} is not key=value:Effect`);
  const [, key = '', value, effect = ''] = match;
  return { key, ...(value ? { value } : {}), effect };
};
