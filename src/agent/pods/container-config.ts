import type { Stored } from '../../api/meta/object.ts';
import type { Container, EphemeralContainer, Pod } from '../../api/types/core-v1.ts';
import type { Partly } from '../cri/cri-client.ts';
import * as Cri from '../cri/cri-types.ts';
import { expandVariables } from './environment.ts';
import { ANNOTATION, containerHash, LABEL, podLabels } from './labels.ts';
import { namespacesOf, seccompOf, supplementalGroups } from './sandbox-config.ts';
import { StartError } from './start-error.ts';

export interface ContainerFacts {
  pod: Stored<Pod>;
  container: Container | EphemeralContainer;
  environment: ReadonlyMap<string, string>;
  mounts: Partly<Cri.Mount>[];
  /** ID of the image in the runtime, and whom it runs as when the pod does not say. */
  image: { id: string; uid: number | undefined; username: string };
  restartCount: number;
  resources: Partial<Cri.LinuxContainerResources>;
  /** For an ephemeral container with `targetContainerName`: whose processes it sees. */
  targetId?: string | undefined;
}

/** Kernel files that unprivileged containers see masked or read-only, as every runtime's defaults have them. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** `web/0.log` below the pod's log directory. */
export const logPathOf = (container: string, restartCount: number): string => `${container}/${restartCount}.log`;

/** What CreateContainer is asked for. Throws StartError where the spec forbids the image's user. */
export const containerConfig = (facts: ContainerFacts): Partly<Cri.ContainerConfig> => {
  const { pod, container, environment, restartCount } = facts;
  const lookup = (name: string): string | undefined => environment.get(name);
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: facts.image.id, userSpecifiedImage: container.image ?? '' },
    command: (container.command ?? []).map((text) => expandVariables(text, lookup)),
    args: (container.args ?? []).map((text) => expandVariables(text, lookup)),
    workingDir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: facts.mounts,
    labels: { ...podLabels(pod), [LABEL.containerName]: container.name },
    annotations: {
      [ANNOTATION.hash]: containerHash(container),
      [ANNOTATION.restartCount]: String(restartCount),
      [ANNOTATION.terminationMessagePath]: container.terminationMessagePath ?? '/dev/termination-log',
      [ANNOTATION.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
      [ANNOTATION.terminationGracePeriod]: String(pod.spec?.terminationGracePeriodSeconds ?? 30),
      ...(container.ports?.length ? { [ANNOTATION.ports]: JSON.stringify(container.ports) } : {}),
    },
    logPath: logPathOf(container.name, restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: { resources: facts.resources, securityContext: securityOf(facts) },
  };
};

const securityOf = ({ pod, container, image, targetId }: ContainerFacts): Partly<Cri.LinuxContainerSecurityContext> => {
  const own = container.securityContext;
  const shared = pod.spec?.securityContext;
  const uid = own?.runAsUser ?? shared?.runAsUser;
  const gid = own?.runAsGroup ?? shared?.runAsGroup;
  const isPrivileged = own?.privileged ?? false;
  if (own?.runAsNonRoot ?? shared?.runAsNonRoot) refuseRoot({ pod, container, uid, image });
  const namespaces = namespacesOf(pod.spec ?? { containers: [] });
  const unmasked = isPrivileged || own?.procMount === 'Unmasked';
  const seccomp = seccompOf(own?.seccompProfile ?? shared?.seccompProfile);
  return {
    capabilities: {
      addCapabilities: own?.capabilities?.add ?? [],
      dropCapabilities: own?.capabilities?.drop ?? [],
    },
    privileged: isPrivileged,
    namespaceOptions: targetId ? { ...namespaces, pid: Cri.NamespaceMode.TARGET, targetId } : namespaces,
    ...(uid === undefined
      ? image.uid !== undefined
        ? { runAsUser: { value: image.uid } }
        : image.username
          ? { runAsUsername: image.username }
          : {}
      : { runAsUser: { value: uid } }),
    ...(gid === undefined ? {} : { runAsGroup: { value: gid } }),
    supplementalGroups: supplementalGroups(pod.spec ?? { containers: [] }),
    readonlyRootfs: own?.readOnlyRootFilesystem ?? false,
    noNewPrivs: own?.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : MASKED_PATHS,
    readonlyPaths: unmasked ? [] : READONLY_PATHS,
    ...(seccomp && !isPrivileged ? { seccomp } : { seccomp: { profileType: 1, localhostRef: '' } }),
  };
};

const refuseRoot = (facts: {
  pod: Stored<Pod>;
  container: Container | EphemeralContainer;
  uid: number | undefined;
  image: ContainerFacts['image'];
}): void => {
  const { pod, container, uid, image } = facts;
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  const refuse = (message: string): never => {
    throw new StartError('CreateContainerConfigError', message);
  };
  if (uid === 0) refuse(`container's runAsUser breaks non-root policy ${where}`);
  if (uid !== undefined) return;
  if (image.uid === 0 || (image.uid === undefined && image.username === ''))
    refuse(`container has runAsNonRoot and image will run as root ${where}`);
  if (image.uid === undefined)
    refuse(`container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`);
};
