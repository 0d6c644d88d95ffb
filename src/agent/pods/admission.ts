import type { Stored } from '../../api/meta/object.ts';
import type { NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../api/types/core-v1.ts';
import { podRequests } from './resources.ts';

export interface AdmissionFacts {
  others: readonly Stored<Pod>[];
  allocatable: { cpuMillis: number; memoryBytes: number };
  maxPods: number;
  nodeLabels: Readonly<Record<string, string>>;
  nodeName: string;
}

/** Namespaced, and of no harm to other pods. */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

/** Why a pod cannot run here, in kubelet's words; undefined when it can. The scheduler may have been too late, or not asked at all. */
export const admitPod = (pod: Stored<Pod>, facts: AdmissionFacts): { reason: string; message: string } | undefined => {
  const spec = pod.spec ?? { containers: [] };
  const foreign = foreignTo(pod);
  if (foreign) return foreign;
  const unsafe = spec.securityContext?.sysctls?.find(({ name }) => !SAFE_SYSCTLS.has(name.replaceAll('/', '.')));
  if (unsafe) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${unsafe.name}" not allowlisted` };
  if (facts.others.length + 1 > facts.maxPods) return outOf('pods', { requested: 1, used: facts.others.length, capacity: facts.maxPods });
  const wanted = podRequests(spec);
  const used = facts.others.map(({ spec: other }) => podRequests(other ?? { containers: [] }));
  for (const [name, key] of [
    ['cpu', 'cpuMillis'],
    ['memory', 'memoryBytes'],
  ] as const) {
    const sum = used.reduce((total, requests) => total + requests[key], 0);
    if (wanted[key] > 0 && sum + wanted[key] > facts.allocatable[key])
      return outOf(name, { requested: wanted[key], used: sum, capacity: facts.allocatable[key] });
  }
  if (!matchesNode(pod, facts))
    return {
      reason: 'NodeAffinity',
      message: "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    };
  if (portsOf(pod).some((port) => facts.others.some((other) => portsOf(other).includes(port))))
    return {
      reason: 'NodePorts',
      message: "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    };
  return undefined;
};

/** What no node of this kind can run. */
const foreignTo = ({ metadata, spec }: Stored<Pod>): { reason: string; message: string } | undefined => {
  if ((metadata.labels?.['kubernetes.io/os'] ?? 'linux') !== 'linux')
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  if ((spec?.os?.name ?? 'linux') !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  // Runtimes before containerd 2.0 would give the image's groups all the same.
  if (spec?.securityContext?.supplementalGroupsPolicy === 'Strict')
    return {
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    };
  return undefined;
};

const outOf = (resource: string, amounts: { requested: number; used: number; capacity: number }) => ({
  reason: `OutOf${resource}`,
  message: `Pod was rejected: Node didn't have enough resource: ${resource}, requested: ${amounts.requested}, used: ${amounts.used}, capacity: ${amounts.capacity}`,
});

/** Host ports as `protocol/address/port`; an address of one pod does not collide with another address. */
const portsOf = ({ spec }: Stored<Pod>): string[] =>
  (spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort }) => hostPort)
      .map(({ protocol = 'TCP', hostIP, hostPort }) => `${protocol}/${hostIP || '0.0.0.0'}/${hostPort}`),
  );

const matchesNode = ({ spec }: Stored<Pod>, facts: AdmissionFacts): boolean => {
  if (Object.entries(spec?.nodeSelector ?? {}).some(([key, value]) => facts.nodeLabels[key] !== value)) return false;
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return !terms || terms.some((term) => matchesTerm(term, facts));
};

const matchesTerm = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, facts: AdmissionFacts): boolean =>
  matchExpressions.length + matchFields.length > 0 &&
  matchExpressions.every((requirement) => matchesOne(requirement, facts.nodeLabels[requirement.key])) &&
  matchFields.every((requirement) => matchesOne(requirement, requirement.key === 'metadata.name' ? facts.nodeName : undefined));

const matchesOne = ({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean => {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
};
