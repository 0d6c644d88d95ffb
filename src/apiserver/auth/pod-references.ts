import type { KubeObject } from '../../api/meta/object.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';

export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configmaps: ReadonlySet<string>;
  readonly persistentvolumeclaims: ReadonlySet<string>;
}

const known = new WeakMap<KubeObject, PodReferences>();

/** The names that a pod refers to, in its namespace. Kept with the cached (frozen) pod. */
export const referencesOf = (pod: KubeObject & Pod): PodReferences => {
  let references = known.get(pod);
  if (!references) {
    references = collect(pod);
    known.set(pod, references);
  }
  return references;
};

const collect = (pod: KubeObject & Pod): PodReferences => {
  const secrets = new Set<string>();
  const configmaps = new Set<string>();
  const persistentvolumeclaims = new Set<string>();
  const { spec } = pod;
  const add = (set: Set<string>, name: string | undefined): void => {
    if (name) set.add(name);
  };
  for (const reference of spec?.imagePullSecrets ?? []) add(secrets, reference.name);
  const containers = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...((spec?.ephemeralContainers ?? []) as unknown as Container[]),
  ];
  for (const container of containers) {
    for (const source of container.envFrom ?? []) {
      add(secrets, source.secretRef?.name);
      add(configmaps, source.configMapRef?.name);
    }
    for (const variable of container.env ?? []) {
      add(secrets, variable.valueFrom?.secretKeyRef?.name);
      add(configmaps, variable.valueFrom?.configMapKeyRef?.name);
    }
  }
  for (const volume of spec?.volumes ?? []) {
    add(secrets, volume.secret?.secretName);
    add(configmaps, volume.configMap?.name);
    add(persistentvolumeclaims, volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral) add(persistentvolumeclaims, `${pod.metadata.name}-${volume.name}`);
    for (const source of volume.projected?.sources ?? []) {
      add(secrets, source.secret?.name);
      add(configmaps, source.configMap?.name);
    }
    const bySecretRef = volume as unknown as Record<
      string,
      { secretRef?: { name?: string }; nodePublishSecretRef?: { name?: string } } | undefined
    >;
    for (const type of ['csi', 'cephfs', 'rbd', 'iscsi', 'flexVolume', 'scaleIO', 'storageos', 'azureFile']) {
      add(secrets, bySecretRef[type]?.secretRef?.name);
      add(secrets, bySecretRef[type]?.nodePublishSecretRef?.name);
    }
  }
  return { secrets, configmaps, persistentvolumeclaims };
};
