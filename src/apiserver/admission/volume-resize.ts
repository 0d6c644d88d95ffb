import type { KubeObject } from '../../api/meta/object.ts';
import { compareQuantities } from '../../api/meta/quantity.ts';
import { storageClass } from '../../api/storage/storage-class.ts';
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import { forbidden } from '../auth/authorizer.ts';
import type { AdmissionPlugin, AdmissionWorld } from './admission.ts';

/** A bound claim may grow only where its class allows that. */
export const createVolumeResize = ({ cache }: Pick<AdmissionWorld, 'cache'>): AdmissionPlugin => ({
  name: 'PersistentVolumeClaimResize',
  resources: ['/persistentvolumeclaims'],
  async validate(request) {
    if (request.operation !== 'UPDATE' || request.subresource !== '' || !request.object || !request.old) return;
    const next = (request.object as KubeObject & PersistentVolumeClaim).spec;
    const old = (request.old as KubeObject & PersistentVolumeClaim).spec;
    const was = old?.resources?.requests?.['storage'];
    const is = next?.resources?.requests?.['storage'];
    if (was === undefined || is === undefined || compareQuantities(is, was) <= 0) return;
    const name = next?.storageClassName;
    const found = name ? await cache.resource(storageClass).get({ name }) : undefined;
    if ((found?.object as { allowVolumeExpansion?: boolean } | undefined)?.allowVolumeExpansion) return;
    throw forbidden(
      { group: '', resource: 'persistentvolumeclaims', name: request.name },
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  },
});
