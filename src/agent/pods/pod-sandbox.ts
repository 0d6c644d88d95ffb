import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import { runtimeClass } from '../../api/node/runtime-class.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { RuntimeClass } from '../../api/types/node-v1.ts';
import type { PodContext } from './pod-context.ts';
import { stopContainer } from './pod-terminator.ts';
import { liveContainers, type RuntimePod } from './runtime-state.ts';
import { sandboxConfig } from './sandbox-config.ts';

/** Makes a pod's sandbox, having removed what an older one left. Rejects with the runtime's words, told to the pod's events. */
export const ensureSandbox = async (
  context: PodContext,
  options: { pod: Stored<Pod>; state: RuntimePod; attempt: number; signal: AbortSignal },
): Promise<void> => {
  const { pod, state, attempt } = options;
  const problem = pod.spec?.hostNetwork ? undefined : context.networkProblem();
  if (problem) {
    context.events.record(pod, 'Warning', 'NetworkNotReady', `network is not ready: ${problem}`);
    throw new Error(`network is not ready: ${problem}`);
  }
  if (state.sandboxes.length > 0) {
    context.events.record(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    for (const container of liveContainers(state))
      await stopContainer(context, container.id, pod.spec?.terminationGracePeriodSeconds ?? 30);
    for (const { id } of state.sandboxes) {
      await context.cri.stopPodSandbox({ podSandboxId: id });
      // Its ended containers keep it: they hold logs and the last state. Both go with garbage collection.
      if (!state.containers.some(({ sandboxId }) => sandboxId === id)) await context.cri.removePodSandbox({ podSandboxId: id });
    }
  }
  const cgroupParent = await context.cgroups.ensurePod(pod.metadata.uid ?? '', pod.spec ?? { containers: [] });
  const config = sandboxConfig(pod, { attempt, cgroupParent, podLogsDir: context.podLogsDir, dns: context.dns });
  try {
    // Who asks for users of its own must not be given the node's.
    if (pod.spec?.hostUsers === false) throw new Error('the container runtime does not support user namespaces');
    await context.cri.runPodSandbox({ config, runtimeHandler: await runtimeHandler(context, pod) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    context.events.record(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`);
    throw error;
  }
};

/** The runtime's name for the pod's RuntimeClass. */
const runtimeHandler = async ({ client }: PodContext, pod: Stored<Pod>): Promise<string> => {
  const name = pod.spec?.runtimeClassName;
  if (!name) return '';
  try {
    return (await client.get<RuntimeClass>(runtimeClass, { name })).handler;
  } catch (error) {
    throw isNotFound(error) ? new Error(`RuntimeClass "${name}" not found`) : error;
  }
};
