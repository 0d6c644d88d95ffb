import type { Stored } from '../../api/meta/object.ts';
import type { Pod, PodStatus } from '../../api/types/core-v1.ts';
import type { VolumePaths } from '../volumes/volume-manager.ts';
import { backOffKey, startContainer } from './container-starter.ts';
import type { PodContext } from './pod-context.ts';
import type { PodDecision, StartDecision } from './pod-decide.ts';
import { qosClass } from './resources.ts';
import { latestContainer, type RuntimePod, readySandbox } from './runtime-state.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { StartError } from './start-error.ts';

/** For what has no back-off of its own, such as a ConfigMap that is not there yet. */
const RETRY_MS = 10_000;

/** Why containers do not run, by their names. */
export type WaitingReasons = Map<string, { reason: string; message: string }>;

export interface LaunchFacts {
  pod: Stored<Pod>;
  state: RuntimePod;
  decision: PodDecision;
  podIPs: readonly string[];
  paths: VolumePaths;
  /** As it was written last. */
  status: PodStatus;
  /** Gets what is said of those that could not be started; those that were started are taken out. */
  waiting: WaitingReasons;
  /** False once the pod is to go: nothing more is started then. */
  mayGoOn(): boolean;
  /** Called before something that takes its time and none of the node's: an image is pulled, a hook runs. */
  waits(): void;
}

export interface LaunchResult {
  hasStarted: boolean;
  /** What the runtime shows of a failed start (exit code 128) is the next thing to look at. */
  lookAgain: boolean;
  /** When one that failed is due again. */
  retryMs: number | undefined;
}

/** Starts the containers of a decision one after another; one that cannot be started does not hold up the next. */
export const launchContainers = async (context: PodContext, facts: LaunchFacts): Promise<LaunchResult> => {
  const { pod, state, decision, waiting } = facts;
  const result: LaunchResult = { hasStarted: false, lookAgain: false, retryMs: undefined };
  const sandbox = readySandbox(state);
  if (!sandbox) return result;
  const config = sandboxConfig(pod, {
    attempt: sandbox.attempt,
    cgroupParent: context.cgroups.podPath(pod.metadata.uid ?? '', qosClass(pod.spec ?? { containers: [] })),
    podLogsDir: context.podLogsDir,
    dns: context.dns,
  });
  for (const start of decision.start) {
    if (!facts.mayGoOn()) break;
    const { name } = start.container;
    const leftover = latestContainer(state, name);
    if (leftover?.state === 'created') await context.cri.removeContainer({ containerId: leftover.id });
    const target =
      'targetContainerName' in start.container ? latestContainer(state, String(start.container.targetContainerName)) : undefined;
    try {
      await startContainer(context, {
        pod,
        decision: { ...start, previous: leftover?.state === 'created' ? undefined : start.previous },
        sandboxId: sandbox.id,
        sandboxConfig: config,
        podIPs: facts.podIPs,
        paths: facts.paths,
        knownRestarts: start.previous === undefined ? knownRestarts(facts.status, name) : 0,
        targetId: target?.id,
        waits: () => facts.waits(),
      });
      waiting.delete(name);
      result.hasStarted = true;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      waiting.set(name, { reason: error.reason, message: error.message });
      result.retryMs = Math.min(result.retryMs ?? Number.POSITIVE_INFINITY, retryMs(context, pod, start));
      if (error.reason === 'RunContainerError' || error.reason === 'PostStartHookError') result.lookAgain = true;
    }
  }
  return result;
};

const retryMs = ({ restarts, images, now }: PodContext, pod: Stored<Pod>, { container, previous }: StartDecision): number => {
  const since = previous?.finishedAt;
  const crash = restarts.remaining(backOffKey(pod, container), { now: now(), ...(since ? { since } : {}) }).waitMs;
  return Math.max(crash, images.waitMs(pod, container.image ?? '')) || RETRY_MS;
};

/** Of a container that the runtime has forgotten. */
const knownRestarts = ({ containerStatuses = [], initContainerStatuses = [] }: PodStatus, container: string): number => {
  const known = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
  if (!known) return 0;
  return known.containerID ? known.restartCount + 1 : known.restartCount;
};
