import { tryQuantity } from '../../api/meta/quantity.ts';
import type { PersistentVolumeClaimTemplate, PersistentVolumeSpec, ProjectedVolumeSource, Volume } from '../../api/types/core-v1.ts';
import { describeClaim } from './claim.ts';
import type { Page } from './page.ts';

/** Volumes of a pod or, with `indent`, of a pod template. */
export const describeVolumes = (page: Page, volumes: readonly Volume[] = [], indent = ''): void => {
  if (!volumes.length) {
    page.line(`${indent}Volumes:\t<none>`);
    return;
  }
  page.line(`${indent}Volumes:`);
  for (const volume of volumes) {
    page.line(`${indent && ' '}${volume.name}:`, 1);
    describeVolumeSource(page, volume);
  }
};

type Source = Partial<Omit<Volume, 'csi'>> & Pick<PersistentVolumeSpec, 'local'> & { csi?: Volume['csi'] | PersistentVolumeSpec['csi'] };

/** One volume source, of a pod or a PersistentVolume. */
export const describeVolumeSource = (page: Page, source: Source): void => {
  const write = (type: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    page.field('Type', type, 2);
    for (const [name, value] of Object.entries(fields)) page.field(name, value, 2);
  };
  if (source.hostPath)
    write('HostPath (bare host directory volume)', { Path: source.hostPath.path, HostPathType: source.hostPath.type ?? '<none>' });
  else if (source.emptyDir)
    write("EmptyDir (a temporary directory that shares a pod's lifetime)", {
      Medium: source.emptyDir.medium ?? '',
      SizeLimit: (tryQuantity(source.emptyDir.sizeLimit)?.nano ?? 0n) > 0n ? source.emptyDir.sizeLimit : '<unset>',
    });
  else if (source.secret)
    write('Secret (a volume populated by a Secret)', {
      SecretName: source.secret.secretName,
      Optional: source.secret.optional ?? false,
    });
  else if (source.configMap)
    write('ConfigMap (a volume populated by a ConfigMap)', {
      Name: source.configMap.name,
      Optional: source.configMap.optional ?? false,
    });
  else if (source.nfs)
    write('NFS (an NFS mount that lasts the lifetime of a pod)', {
      Server: source.nfs.server,
      Path: source.nfs.path,
      ReadOnly: source.nfs.readOnly ?? false,
    });
  else if (source.persistentVolumeClaim)
    write('PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)', {
      ClaimName: source.persistentVolumeClaim.claimName,
      ReadOnly: source.persistentVolumeClaim.readOnly ?? false,
    });
  else if (source.ephemeral) describeEphemeral(page, source.ephemeral.volumeClaimTemplate);
  else if (source.downwardAPI) {
    write('DownwardAPI (a volume populated by information about the pod)');
    page.line('Items:', 2);
    for (const { path, fieldRef, resourceFieldRef } of source.downwardAPI.items ?? [])
      page.line(`${fieldRef?.fieldPath ?? resourceFieldRef?.resource} -> ${path}`, 3);
  } else if (source.projected) {
    write('Projected (a volume that contains injected data from multiple sources)');
    describeProjected(page, source.projected);
  } else if (source.local) write('LocalVolume (a persistent volume backed by local storage on a node)', { Path: source.local.path });
  else if (source.csi) {
    const { driver, fsType = '', readOnly = false } = source.csi;
    const handle = 'volumeHandle' in source.csi ? { VolumeHandle: source.csi.volumeHandle } : {};
    write('CSI (a Container Storage Interface (CSI) volume source)', { Driver: driver, FSType: fsType, ...handle, ReadOnly: readOnly });
    page.labels('    VolumeAttributes', source.csi.volumeAttributes);
  } else if (source.image)
    write('Image (a container image or OCI artifact)', { Reference: source.image.reference, PullPolicy: source.image.pullPolicy });
  else page.line('<unknown>', 1);
};

const describeProjected = (page: Page, { sources = [] }: ProjectedVolumeSource): void => {
  for (const { secret, downwardAPI, configMap, serviceAccountToken } of sources)
    if (secret) {
      page.field('SecretName', secret.name, 2);
      page.field('Optional', secret.optional ?? false, 2);
    } else if (downwardAPI) page.field('DownwardAPI', true, 2);
    else if (configMap) {
      page.field('ConfigMapName', configMap.name, 2);
      page.field('Optional', configMap.optional ?? false, 2);
    } else if (serviceAccountToken) page.field('TokenExpirationSeconds', serviceAccountToken.expirationSeconds, 2);
};

const describeEphemeral = (page: Page, template: PersistentVolumeClaimTemplate | undefined): void => {
  page.field('Type', 'EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)', 2);
  if (template) describeClaim(page, { ...template, metadata: template.metadata ?? {} }, { whole: false, indent: '    ' });
};
