import { join } from 'node:path';
import type { Stored } from '../../api/meta/object.ts';
import type { Container, Pod, VolumeMount } from '../../api/types/core-v1.ts';
import type { Partly } from '../cri/cri-client.ts';
import * as Cri from '../cri/cri-types.ts';
import { StartError } from '../pods/start-error.ts';
import { bindSubPath } from './sub-path.ts';
import type { VolumePaths } from './volume-manager.ts';

const PROPAGATION: Record<string, number> = {
  None: Cri.MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: Cri.MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: Cri.MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** What a container sees of its pod's volumes; sub-paths of them are bound below `subPathsDir`. Throws StartError for a mount that leads out of its volume. */
export const containerMounts = async (
  pod: Stored<Pod>,
  container: Container,
  options: { paths: VolumePaths; subPathsDir: string; expand: (text: string) => string },
): Promise<Partly<Cri.Mount>[]> => {
  const mounts: Partly<Cri.Mount>[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volumePath = options.paths.get(mount.name);
    if (volumePath === undefined)
      throw new StartError('CreateContainerConfigError', `cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const subPath = subPathOf(mount, options.expand);
    let hostPath = volumePath;
    if (subPath) {
      hostPath = join(options.subPathsDir, mount.name, container.name, String(index));
      await bindSubPath(volumePath, subPath, hostPath).catch((error: Error) => {
        throw refusal(error.message);
      });
    }
    const isReadOnlySource = pod.spec?.volumes?.some(
      ({ name, persistentVolumeClaim, nfs, image }) => name === mount.name && (persistentVolumeClaim?.readOnly || nfs?.readOnly || image),
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

const subPathOf = ({ subPath, subPathExpr }: VolumeMount, expand: (text: string) => string): string => {
  const below = subPathExpr ? expand(subPathExpr) : (subPath ?? '');
  if (below.includes('$(')) throw refusal(`subPathExpr "${subPathExpr}" names a variable that is not set`);
  if (below.startsWith('/') || below.split('/').includes('..')) throw refusal(`subPath "${below}" must be relative and stay in its volume`);
  return below;
};

const refusal = (reason: string): StartError =>
  new StartError('CreateContainerConfigError', `failed to prepare subPath for volumeMount: ${reason}`);
