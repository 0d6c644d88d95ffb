import type { NodeInfo } from '../model/node-info.ts';
import type { PodInfo } from '../model/pod-info.ts';
import type { Rejection, SchedulerPlugin } from '../plugin.ts';

/** What a pod requests has to be free; and the emptier node is the better one (LeastAllocated). */
export const nodeResourcesFit: SchedulerPlugin = {
  name: 'NodeResourcesFit',
  prepareFilter: (pod) => ({ filter: (node) => (fits(pod, node) ? undefined : explain(pod, node)) }),
  prepareScore: (pod) => ({
    score: (node) => {
      const { cpu, memory } = node.allocatable;
      let total = 0;
      let counted = 0;
      if (cpu > 0) {
        total += freeShare(node.scoringCpu + pod.scoring.cpu, cpu);
        counted += 1;
      }
      if (memory > 0) {
        total += freeShare(node.scoringMemory + pod.scoring.memory, memory);
        counted += 1;
      }
      return counted === 0 ? 0 : Math.trunc(total / counted);
    },
  }),
  mayHelp: (event, pod) => {
    if (event.kind === 'node-added') return fitsEmpty(pod, event.node);
    if (event.kind === 'node-changed') return event.what === 'allocatable' && fits(pod, event.node);
    return event.kind === 'pod-gone';
  },
};

const freeShare = (requested: number, capacity: number): number =>
  requested > capacity ? 0 : Math.trunc(((capacity - requested) * 100) / capacity);

const fits = (pod: PodInfo, node: NodeInfo): boolean => {
  if (node.pods.size + 1 > node.allowedPods) return false;
  const { requests } = pod;
  const { allocatable } = node;
  if (requests.cpu > 0 && requests.cpu > allocatable.cpu - node.cpu) return false;
  if (requests.memory > 0 && requests.memory > allocatable.memory - node.memory) return false;
  if (requests.ephemeralStorage > 0 && requests.ephemeralStorage > allocatable.ephemeralStorage - node.ephemeralStorage) return false;
  if (requests.extended)
    for (const [name, amount] of requests.extended)
      if (amount > 0 && amount > (allocatable.extended?.get(name) ?? 0) - (node.extended.get(name) ?? 0)) return false;
  return true;
};

const fitsEmpty = (pod: PodInfo, node: NodeInfo): boolean =>
  pod.requests.cpu <= node.allocatable.cpu && pod.requests.memory <= node.allocatable.memory;

const CACHED = new Map<string, Rejection>();

/** Unresolvable when even the empty node would be too small. */
const explain = (pod: PodInfo, node: NodeInfo): Rejection => {
  const { requests } = pod;
  const { allocatable } = node;
  const reasons: string[] = [];
  let resolvable = true;
  const check = (reason: string, wanted: number, capacity: number, used: number): void => {
    if (wanted === 0 || wanted <= capacity - used) return;
    reasons.push(reason);
    if (wanted > capacity) resolvable = false;
  };
  if (node.pods.size + 1 > node.allowedPods) reasons.push('Too many pods');
  check('Insufficient cpu', requests.cpu, allocatable.cpu, node.cpu);
  check('Insufficient memory', requests.memory, allocatable.memory, node.memory);
  check('Insufficient ephemeral-storage', requests.ephemeralStorage, allocatable.ephemeralStorage, node.ephemeralStorage);
  if (requests.extended)
    for (const [name, amount] of requests.extended)
      check(`Insufficient ${name}`, amount, allocatable.extended?.get(name) ?? 0, node.extended.get(name) ?? 0);
  const id = `${resolvable}|${reasons.join('|')}`;
  const cached = CACHED.get(id);
  if (cached) return cached;
  const rejection: Rejection = { reasons, resolvable };
  // A few combinations come for thousands of nodes; names of extended resources bound their number.
  if (CACHED.size < 1_000) CACHED.set(id, rejection);
  return rejection;
};
