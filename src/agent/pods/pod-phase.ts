import type { ContainerStatus, PodSpec } from '../../api/types/core-v1.ts';
import { isSidecar, shouldRestart } from './restart-policy.ts';

export interface PhaseFacts {
  spec: PodSpec;
  initStatuses: readonly ContainerStatus[];
  statuses: readonly ContainerStatus[];
  /** Nothing of the pod will be started again, whatever its restart policy. */
  isTerminal: boolean;
}

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** The phase that kubelet would give. */
export const podPhase = (facts: PhaseFacts): Phase => {
  const phase = phaseOfContainers(facts);
  // What was ended before it ran, or without a trace, has failed: those who wait for an end (a Job) would wait for ever.
  return facts.isTerminal && phase !== 'Succeeded' ? 'Failed' : phase;
};

const phaseOfContainers = ({ spec, initStatuses, statuses, isTerminal }: PhaseFacts): Phase => {
  let pendingInit = 0;
  let pendingSidecars = 0;
  let waiting = 0;
  let running = 0;
  let stopped = 0;
  let finished = 0;
  let succeeded = 0;
  const hasInitialized = statuses.some(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated);

  for (const container of spec.initContainers ?? []) {
    const status = initStatuses.find(({ name }) => name === container.name);
    if (isSidecar(container)) {
      if (status?.state?.running) {
        running++;
        if (!status.started) pendingSidecars++;
      } else if (!status?.state?.terminated && !status?.lastState?.terminated) {
        pendingSidecars++;
        waiting++;
      }
      continue;
    }
    const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
    if (!ended || status?.state?.running) pendingInit++;
    else if (ended.exitCode !== 0 && !shouldRestart(spec, container, ended.exitCode)) return 'Failed';
    else if (status?.state?.waiting) pendingInit++;
    else if (ended.exitCode !== 0) pendingInit++;
  }
  for (const container of spec.containers) {
    const status = statuses.find(({ name }) => name === container.name);
    const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
    if (status?.state?.running) running++;
    else if (ended) {
      stopped++;
      if (ended.exitCode === 0) succeeded++;
      if (!shouldRestart(spec, container, ended.exitCode)) finished++;
    } else waiting++;
  }

  if (pendingInit > 0 || (pendingSidecars > 0 && !hasInitialized) || waiting > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (stopped === 0) return 'Pending';
  if (!isTerminal && stopped !== finished) return 'Running';
  return stopped === succeeded ? 'Succeeded' : 'Failed';
};
