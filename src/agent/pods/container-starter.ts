import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { Pod, Secret } from '../../api/types/core-v1.ts';
import type { Partly } from '../cri/cri-client.ts';
import type * as Cri from '../cri/cri-types.ts';
import { containerMounts } from '../volumes/container-mounts.ts';
import type { VolumePaths } from '../volumes/volume-manager.ts';
import { goDuration } from './backoff.ts';
import { containerConfig } from './container-config.ts';
import { containerEnvironment, expandVariables } from './environment.ts';
import { hostsFile } from './hosts-file.ts';
import { fieldOf } from './image-puller.ts';
import { containerHash } from './labels.ts';
import { runHook } from './lifecycle-hooks.ts';
import { type PodContext, podText } from './pod-context.ts';
import type { StartDecision } from './pod-decide.ts';
import { containerResources } from './resources.ts';
import { podLogDirectory } from './sandbox-config.ts';
import { StartError } from './start-error.ts';

export interface StartFacts {
  pod: Stored<Pod>;
  decision: StartDecision;
  sandboxId: string;
  sandboxConfig: Partly<Cri.PodSandboxConfig>;
  podIPs: readonly string[];
  paths: VolumePaths;
  /** As the status says: containers that the runtime has forgotten still count. */
  knownRestarts: number;
  targetId?: string | undefined;
  /** See LaunchFacts. */
  waits(): void;
}

const POST_START_TIMEOUT_MS = 24 * 3600 * 1000;

/** From decision to running container. Throws StartError, having told the pod's events. */
export const startContainer = async (context: PodContext, facts: StartFacts): Promise<void> => {
  const { pod, decision } = facts;
  const { container } = decision;
  const about = `spec.${fieldOf(pod, container)}{${container.name}}`;
  try {
    checkBackOff(context, facts);
    await start(context, facts, about);
  } catch (error) {
    if (error instanceof StartError && SILENT.has(error.reason)) throw error;
    const failure =
      error instanceof StartError ? error : new StartError('CreateContainerError', error instanceof Error ? error.message : String(error));
    context.events.record(pod, 'Warning', 'Failed', `Error: ${failure.message}`, about);
    throw failure;
  }
};

/** Those that have told the events themselves. */
const SILENT: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'PostStartHookError',
]);

export const backOffKey = (pod: Stored<Pod>, container: { name: string; image?: string }): string =>
  `${pod.metadata.uid}/${container.name}/${containerHash(container)}`;

const checkBackOff = (context: PodContext, { pod, decision }: StartFacts): void => {
  const { previous, container } = decision;
  if (previous?.state !== 'exited') return;
  const key = backOffKey(pod, container);
  const now = context.now();
  const { waitMs, delayMs } = context.restarts.remaining(key, { since: previous.finishedAt, now });
  if (waitMs > 0) {
    const about = `spec.${fieldOf(pod, container)}{${container.name}}`;
    context.events.record(
      pod,
      'Warning',
      'BackOff',
      `Back-off restarting failed container ${container.name} in pod ${podText(pod)}`,
      about,
    );
    throw new StartError(
      'CrashLoopBackOff',
      `back-off ${goDuration(delayMs)} restarting failed container=${container.name} pod=${podText(pod)}`,
    );
  }
  context.restarts.next(key, { since: previous.finishedAt, now });
};

const start = async (context: PodContext, facts: StartFacts, about: string): Promise<void> => {
  const { cri, events } = context;
  const { pod, decision, sandboxId, sandboxConfig, podIPs } = facts;
  const { container, previous } = decision;
  const image = await context.images.ensure(pod, container, () => {
    facts.waits();
    return pullSecrets(context, pod);
  });
  const namespace = pod.metadata.namespace ?? '';
  const environment = await containerEnvironment({
    pod,
    container,
    podIPs,
    node: context.node,
    services: context.services(),
    configMap: (name) => context.objects.configMap(namespace, name),
    secret: (name) => context.objects.secret(namespace, name),
  });
  const expand = (text: string): string => expandVariables(text, (name) => environment.get(name));
  const restartCount = previous ? Math.max(previous.restartCount + 1, facts.knownRestarts) : facts.knownRestarts;
  const subPathsDir = join(context.volumes.podDir(pod.metadata.uid ?? ''), 'volume-subpaths');
  const mounts = await containerMounts(pod, container, { paths: facts.paths, subPathsDir, expand });
  mounts.push(...(await ownMounts(context, facts, mounts)));
  const config = containerConfig({
    pod,
    container,
    environment,
    mounts,
    image,
    restartCount,
    resources: containerResources(container, pod.spec ?? { containers: [] }, context.node.allocatable.memoryBytes),
    targetId: facts.targetId,
  });
  const { name = '', uid = '' } = pod.metadata;
  await mkdir(join(podLogDirectory(context.podLogsDir, { namespace, name, uid }), container.name), { recursive: true, mode: 0o755 });
  const { containerId } = await cri.createContainer({ podSandboxId: sandboxId, config, sandboxConfig }).catch((error: Error) => {
    throw new StartError('CreateContainerError', error.message);
  });
  context.reader.learn(containerId, uid);
  events.record(pod, 'Normal', 'Created', 'Container created', about);
  await cri.startContainer({ containerId }).catch((error: Error) => {
    throw new StartError('RunContainerError', error.message);
  });
  events.record(pod, 'Normal', 'Started', 'Container started', about);

  const hook = container.lifecycle?.postStart;
  if (!hook) return;
  facts.waits();
  await runHook(hook, { container, containerId, podIP: podIPs[0] ?? '' }, { cri, timeoutMs: POST_START_TIMEOUT_MS }).catch(
    async (error: Error) => {
      events.record(pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed', about);
      const timeout = pod.spec?.terminationGracePeriodSeconds ?? 30;
      await cri.stopContainer({ containerId, timeout }).catch(() => {});
      throw new StartError('PostStartHookError', error.message);
    },
  );
};

/** /etc/hosts and the termination message: files of the pod's directory, unless a volume is mounted there. */
const ownMounts = async (context: PodContext, facts: StartFacts, others: Partly<Cri.Mount>[]): Promise<Partly<Cri.Mount>[]> => {
  const { pod, podIPs, decision } = facts;
  const { container } = decision;
  const podDir = context.volumes.podDir(pod.metadata.uid ?? '');
  const mounts: Partly<Cri.Mount>[] = [];
  const isFree = (path: string): boolean => !others.some(({ containerPath }) => containerPath === path);
  if (isFree('/etc/hosts')) {
    const file = join(podDir, 'etc-hosts');
    await mkdir(podDir, { recursive: true, mode: 0o750 });
    await writeFile(file, await hostsFile(pod, { ips: podIPs, clusterDomain: context.dns.clusterDomain }), { mode: 0o644 });
    mounts.push({ containerPath: '/etc/hosts', hostPath: file, readonly: container.securityContext?.readOnlyRootFilesystem ?? false });
  }
  const messagePath = container.terminationMessagePath ?? '/dev/termination-log';
  if (messagePath && isFree(messagePath)) {
    const directory = join(podDir, 'containers', container.name);
    await mkdir(directory, { recursive: true, mode: 0o750 });
    const file = join(directory, randomBytes(4).toString('hex'));
    await writeFile(file, '');
    await chmod(file, 0o666);
    mounts.push({ containerPath: messagePath, hostPath: file });
  }
  return mounts;
};

/** Of the pod; those that are missing are told to its events. */
export const pullSecrets = async (context: Pick<PodContext, 'objects' | 'events'>, pod: Stored<Pod>): Promise<Secret[]> => {
  const found: Secret[] = [];
  for (const { name = '' } of pod.spec?.imagePullSecrets ?? []) {
    try {
      found.push(await context.objects.secret(pod.metadata.namespace ?? '', name));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const message = `Unable to retrieve some image pull secrets (${name}); attempting to pull the image may not succeed.`;
      context.events.record(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
    }
  }
  return found;
};
