import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stored } from '../../api/meta/object.ts';
import type { Container, Pod, VolumeMount } from '../../api/types/core-v1.ts';
import type { Partly } from '../cri/cri-client.ts';
import * as Cri from '../cri/cri-types.ts';
import { StartError } from '../pods/start-error.ts';
import type { VolumePaths } from './volume-manager.ts';

const PROPAGATION: Record<string, number> = {
  None: Cri.MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: Cri.MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: Cri.MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** What a container sees of its pod's volumes. Throws StartError for a mount that leads out of its volume. */
export const containerMounts = async (
  pod: Stored<Pod>,
  container: Container,
  options: { paths: VolumePaths; expand: (text: string) => string },
): Promise<Partly<Cri.Mount>[]> => {
  const mounts: Partly<Cri.Mount>[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volumePath = options.paths.get(mount.name);
    if (volumePath === undefined)
      throw new StartError('CreateContainerConfigError', `cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const hostPath = await withinVolume(volumePath, mount, options.expand);
    const isReadOnlySource = pod.spec?.volumes?.some(
      ({ name, persistentVolumeClaim, nfs }) => name === mount.name && (persistentVolumeClaim?.readOnly || nfs?.readOnly),
    );
    mounts.push({
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath,
      readonly: Boolean(mount.readOnly || isReadOnlySource),
      propagation: PROPAGATION[mount.mountPropagation ?? 'None'] ?? 0,
    });
  }
  return mounts;
};

const withinVolume = async (
  volumePath: string,
  { subPath, subPathExpr }: VolumeMount,
  expand: (text: string) => string,
): Promise<string> => {
  const below = subPathExpr ? expand(subPathExpr) : subPath;
  if (!below) return volumePath;
  const refuse = (reason: string): never => {
    throw new StartError('CreateContainerConfigError', `failed to prepare subPath for volumeMount: ${reason}`);
  };
  if (below.includes('$(')) refuse(`subPathExpr "${subPathExpr}" names a variable that is not set`);
  if (below.startsWith('/') || below.split('/').includes('..')) refuse(`subPath "${below}" must be relative and stay in its volume`);
  const root = await realpath(volumePath);
  const full = join(root, below);
  if (!(await stat(full).catch(() => undefined))) {
    const { mode } = await stat(root);
    await mkdir(full, { recursive: true });
    await chmod(full, mode & 0o7777);
  }
  // What a symbolic link in the volume names is what is mounted, and it must not lead to the node's own files.
  const resolved = await realpath(full);
  if (resolved !== root && !resolved.startsWith(`${root}/`)) refuse(`subPath "${below}" leads out of its volume`);
  return resolved;
};
