import type { KubeObject } from '../../api/meta/object.ts';
import { storageClass } from '../../api/storage/storage-class.ts';
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin, AdmissionWorld } from './admission.ts';

const DEFAULT = 'storageclass.kubernetes.io/is-default-class';
const BETA_DEFAULT = 'storageclass.beta.kubernetes.io/is-default-class';

/** A claim that names no class gets the newest of the default ones, if there is any. */
export const createDefaultStorageClass = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => ({
  name: 'DefaultStorageClass',
  resources: ['/persistentvolumeclaims'],
  async admit(request) {
    if (request.operation !== 'CREATE' || request.subresource !== '' || !request.object) return;
    const claim = request.object as KubeObject & PersistentVolumeClaim;
    const { annotations } = claim.metadata;
    if (claim.spec?.storageClassName !== undefined || annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return;
    const { items } = await cache.resource(storageClass).list();
    const defaults = items
      .map((item) => item.object)
      .filter(({ metadata }) => metadata.annotations?.[DEFAULT] === 'true' || metadata.annotations?.[BETA_DEFAULT] === 'true')
      .sort(
        (a, b) =>
          (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '') ||
          (a.metadata.name ?? '').localeCompare(b.metadata.name ?? ''),
      );
    const name = defaults[0]?.metadata.name;
    if (name && claim.spec) claim.spec.storageClassName = name;
  },
});
