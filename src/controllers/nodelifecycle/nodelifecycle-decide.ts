import type { Stored } from '../../api/meta/object.ts';
import type { Node, NodeCondition, Taint } from '../../api/types/core-v1.ts';
import { rfc3339 } from '../pods.ts';

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';

const WATCHED_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** Undefined for a node that has never said. */
export const readyStatusOf = (node: Node): string | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

/** The conditions of a node that has gone silent: nobody knows any more. */
export const silentConditions = (node: Stored<Node>, now: number): NodeCondition[] => {
  const time = rfc3339(now);
  const conditions = node.status?.conditions ?? [];
  const missing = WATCHED_CONDITIONS.filter((type) => !conditions.some((condition) => condition.type === type));
  return [
    ...conditions.map((condition) =>
      WATCHED_CONDITIONS.includes(condition.type) && condition.status !== 'Unknown'
        ? {
            ...condition,
            status: 'Unknown',
            reason: 'NodeStatusUnknown',
            message: 'Kubelet stopped posting node status.',
            lastTransitionTime: time,
          }
        : condition,
    ),
    ...missing.map((type) => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp ?? time,
      lastTransitionTime: time,
    })),
  ];
};

/** Which taints the node's state calls for. `evict` is false while all nodes look dead: then it is us who see nothing. */
export const taintsOf = (node: Node, options: { evict: boolean; now: number }): Taint[] => {
  const ready = readyStatusOf(node);
  const wanted: Taint[] = [];
  const byReady = ready === 'False' ? NOT_READY : ready === 'Unknown' ? UNREACHABLE : undefined;
  if (byReady) wanted.push({ key: byReady, effect: 'NoSchedule' });
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = PRESSURE_TAINTS[type];
    if (key && status === 'True') wanted.push({ key, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable) wanted.push({ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' });
  if (byReady && options.evict) wanted.push({ key: byReady, effect: 'NoExecute' });
  const current = node.spec?.taints ?? [];
  const kept = current.filter((taint) => !isOurs(taint) || wanted.some((other) => sameTaint(taint, other)));
  const added = wanted
    .filter((taint) => !current.some((other) => sameTaint(taint, other)))
    .map((taint) => ({ ...taint, timeAdded: rfc3339(options.now) }));
  return [...kept, ...added];
};

const PRESSURE_TAINTS: Record<string, string> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};

const OUR_NO_SCHEDULE = new Set([NOT_READY, UNREACHABLE, 'node.kubernetes.io/unschedulable', ...Object.values(PRESSURE_TAINTS)]);

const isOurs = (taint: Taint): boolean =>
  (taint.effect === 'NoSchedule' && OUR_NO_SCHEDULE.has(taint.key)) ||
  (taint.effect === 'NoExecute' && (taint.key === NOT_READY || taint.key === UNREACHABLE));

const sameTaint = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;
