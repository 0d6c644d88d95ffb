import type { Container, PodSpec, ResourceRequirements } from '../../api/types/core-v1.ts';
import type { LinuxContainerResources } from '../cri/cri-types.ts';
import { bytes, milliCpu } from './amounts.ts';
import { isSidecar } from './restart-policy.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const CPU_PERIOD_US = 100_000;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
const MIN_QUOTA_US = 1000;

export const qosClass = (spec: PodSpec): QosClass => {
  const all = [...(spec.initContainers ?? []), ...spec.containers].map(({ resources }) => resources ?? {});
  if (spec.resources?.requests || spec.resources?.limits) all.splice(0, all.length, spec.resources);
  const amountOf = (list: ResourceRequirements['limits'], name: string): number =>
    name === 'cpu' ? milliCpu(list?.[name]) : bytes(list?.[name]);
  const names = ['cpu', 'memory'];
  if (!all.some(({ requests, limits }) => names.some((name) => amountOf(requests, name) > 0 || amountOf(limits, name) > 0)))
    return 'BestEffort';
  const isGuaranteed = all.every(({ requests, limits }) =>
    names.every((name) => {
      const limit = amountOf(limits, name);
      return limit > 0 && (requests?.[name] === undefined || amountOf(requests, name) === limit);
    }),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
};

/** Shares of cgroup v1; a runtime on v2 turns them into weights. */
export const sharesOf = (millis: number): number =>
  millis === 0 ? MIN_SHARES : Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((millis * 1024) / 1000)));

export const quotaOf = (millis: number): number => (millis === 0 ? 0 : Math.max(MIN_QUOTA_US, Math.floor((millis * CPU_PERIOD_US) / 1000)));

/** What the kernel's out-of-memory killer looks at: a container that uses more than it asked for goes first. */
export const oomScoreAdjust = (qos: QosClass, memoryRequest: number, nodeMemory: number): number => {
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const score = 1000 - Math.floor((1000 * memoryRequest) / Math.max(1, nodeMemory));
  return Math.min(999, Math.max(3, score));
};

export const containerResources = (container: Container, spec: PodSpec, nodeMemory: number): Partial<LinuxContainerResources> => {
  const { requests, limits } = container.resources ?? {};
  const cpuRequest = milliCpu(requests?.['cpu'] ?? limits?.['cpu']);
  const cpuLimit = milliCpu(limits?.['cpu']);
  const memoryLimit = bytes(limits?.['memory']);
  return {
    cpuShares: sharesOf(cpuRequest),
    cpuPeriod: CPU_PERIOD_US,
    ...(cpuLimit > 0 ? { cpuQuota: quotaOf(cpuLimit) } : {}),
    ...(memoryLimit > 0 ? { memoryLimitInBytes: memoryLimit } : {}),
    oomScoreAdj: oomScoreAdjust(qosClass(spec), bytes(requests?.['memory'] ?? limits?.['memory']), nodeMemory),
  };
};

export interface PodAmounts {
  cpuMillis: number;
  memoryBytes: number;
}

/** What the scheduler counts: the containers' sum with sidecars, or the largest init container if that is more, and overhead. */
export const podRequests = (spec: PodSpec): PodAmounts => total(spec, 'requests');

/** Undefined where a container has no limit: then the pod has none. */
export const podLimits = (spec: PodSpec): Partial<PodAmounts> => {
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const limits = total(spec, 'limits');
  const has = (name: string): boolean =>
    spec.resources?.limits?.[name] !== undefined || all.every(({ resources }) => resources?.limits?.[name]);
  return { ...(has('cpu') ? { cpuMillis: limits.cpuMillis } : {}), ...(has('memory') ? { memoryBytes: limits.memoryBytes } : {}) };
};

const total = (spec: PodSpec, kind: 'requests' | 'limits'): PodAmounts => {
  const one = (name: 'cpu' | 'memory', read: (quantity: string | number | undefined) => number): number => {
    const overhead = read(spec.overhead?.[name]);
    const stated = spec.resources?.[kind]?.[name];
    if (stated !== undefined) return read(stated) + overhead;
    let sidecars = 0;
    let peak = 0;
    for (const container of spec.initContainers ?? []) {
      const own = read(container.resources?.[kind]?.[name]);
      if (isSidecar(container)) sidecars += own;
      peak = Math.max(peak, isSidecar(container) ? sidecars : sidecars + own);
    }
    const sum = spec.containers.reduce((all, { resources }) => all + read(resources?.[kind]?.[name]), sidecars);
    return Math.max(sum, peak) + overhead;
  };
  return { cpuMillis: one('cpu', milliCpu), memoryBytes: one('memory', bytes) };
};
