import type { Stored } from '../../api/meta/object.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';
import { isCriNotFound } from '../cri/cri-client.ts';
import { fieldOf } from './image-puller.ts';
import { ANNOTATION } from './labels.ts';
import { runHook } from './lifecycle-hooks.ts';
import type { PodContext } from './pod-context.ts';
import { isSidecar } from './restart-policy.ts';
import { liveContainers, type RuntimeContainer, type RuntimePod } from './runtime-state.ts';

/** A container always gets this long between SIGTERM and SIGKILL, also when its preStop has used up the grace period. */
const MIN_GRACE_SECONDS = 2;
/** How long SIGTERM is held at most for the pod's endpoints to drain, and which part of the grace period that may take. */
const DRAIN_BOUND_MS = 10_000;
const DRAIN_PART_OF_GRACE = 1 / 3;

export interface TerminateOptions {
  /** 0 kills at once. */
  graceSeconds: number;
  /** Aborts when the pod is to go faster than was asked at first; hooks and waits end then. */
  hurry: AbortSignal;
}

/**
 * Ends all containers of a pod. All hooks run at once; the signal goes to main containers side by side, then to sidecars, the last one
 * first, and to all that are left when the grace period is over.
 *
 *   preStop hook  ──┐
 *   endpoints drain ┼─> SIGTERM ──grace──> SIGKILL
 *   its turn        ┘
 *
 * The drain is what keeps requests from being lost: proxies stop sending before the process stops answering (facts 15).
 */
export const terminateContainers = async (
  context: PodContext,
  pod: Stored<Pod>,
  state: RuntimePod,
  options: TerminateOptions,
): Promise<void> => {
  const { graceSeconds, hurry } = options;
  const deadline = context.now() + graceSeconds * 1000;
  const live = liveContainers(state);
  if (live.length === 0) return;
  const boundMs = Math.min(DRAIN_BOUND_MS, Math.floor(graceSeconds * 1000 * DRAIN_PART_OF_GRACE));
  const drained =
    graceSeconds > 0 && pod.metadata.deletionTimestamp
      ? context.awaitEndpointsDrained(pod, { signal: hurry, boundMs }).catch(() => ({ drained: false }))
      : Promise.resolve({ drained: true });
  const sidecars = (pod.spec?.initContainers ?? []).filter(isSidecar);
  const isLast = (container: RuntimeContainer): boolean => sidecars.some(({ name }) => name === container.name);
  const kill = (container: RuntimeContainer, turn?: Promise<unknown>): Promise<void> => {
    const podIP = state.sandboxes[0]?.ips[0] ?? '';
    return killContainer(context, pod, container, { deadline, drained, graceSeconds, hurry, podIP, ...(turn ? { turn } : {}) });
  };
  const ends = live.filter((container) => !isLast(container)).map((container) => kill(container));
  for (const { name } of [...sidecars].reverse()) {
    const turn = Promise.allSettled(ends);
    for (const container of live) if (container.name === name) ends.push(kill(container, turn));
  }
  await Promise.all(ends);
};

export interface KillOptions {
  /** Milliseconds since the epoch when the grace period ends. */
  deadline: number;
  graceSeconds: number;
  drained?: Promise<unknown>;
  /** Containers that are to end before it; waited for no longer than until the deadline. */
  turn?: Promise<unknown>;
  hurry?: AbortSignal;
  podIP: string;
  message?: string;
}

export const killContainer = async (
  context: PodContext,
  pod: Stored<Pod>,
  running: RuntimeContainer,
  options: KillOptions,
): Promise<void> => {
  const { deadline, graceSeconds, hurry } = options;
  const spec = pod.spec;
  const container: Container | undefined = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find(
    ({ name }) => name === running.name,
  );
  const about = `spec.${fieldOf(pod, { name: running.name })}{${running.name}}`;
  context.events.record(pod, 'Normal', 'Killing', options.message ?? `Stopping container ${running.name}`, about);
  const preStop = container?.lifecycle?.preStop;
  if (preStop && container && graceSeconds > 0 && running.state === 'running') {
    const target = { container, containerId: running.id, podIP: options.podIP };
    const hook = runHook(preStop, target, { cri: context.cri, timeoutMs: graceSeconds * 1000, ...(hurry ? { signal: hurry } : {}) }).catch(
      () => context.events.record(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', about),
    );
    await Promise.race([hook, after(deadline - context.now(), hurry)]);
  }
  await Promise.race([Promise.all([options.drained, options.turn]), after(deadline - context.now(), hurry)]);
  const left = Math.ceil((deadline - context.now()) / 1000);
  const timeout = graceSeconds === 0 || hurry?.aborted ? 0 : Math.max(left, Math.min(MIN_GRACE_SECONDS, graceSeconds));
  await stopContainer(context, running.id, timeout);
};

/** The grace period that the container itself carries: for those whose pod nobody knows any more. */
export const recordedGrace = (container: RuntimeContainer): number =>
  Number(container.annotations[ANNOTATION.terminationGracePeriod] ?? 30);

export const stopContainer = async (context: PodContext, containerId: string, timeout: number): Promise<void> => {
  await context.cri.stopContainer({ containerId, timeout }).catch((error: unknown) => {
    if (!isCriNotFound(error)) throw error;
  });
};

/** Removes the pod's containers and sandboxes from the runtime, stopping what still runs. */
export const removeFromRuntime = async (context: PodContext, state: RuntimePod): Promise<void> => {
  const ignoreGone = (error: unknown): void => {
    if (!isCriNotFound(error)) throw error;
  };
  for (const { id } of state.sandboxes) await context.cri.stopPodSandbox({ podSandboxId: id }).catch(ignoreGone);
  await Promise.all(state.containers.map(({ id }) => context.cri.removeContainer({ containerId: id }).catch(ignoreGone)));
  for (const { id } of state.sandboxes) await context.cri.removePodSandbox({ podSandboxId: id }).catch(ignoreGone);
};

const after = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(resolve, Math.max(0, ms)).unref();
    const abort = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
