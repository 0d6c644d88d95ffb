import type { AdmissionPlugin } from './admission.ts';

const FINALIZERS: Readonly<Record<string, string>> = {
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  persistentvolumes: 'kubernetes.io/pv-protection',
};

/** Claims and volumes are held by a finalizer until nothing uses them any more. */
export const createStorageProtection = (): AdmissionPlugin => ({
  name: 'StorageObjectInUseProtection',
  resources: ['/persistentvolumeclaims', '/persistentvolumes'],
  admit(request) {
    if (request.operation !== 'CREATE' || request.subresource !== '' || !request.object) return;
    const finalizer = FINALIZERS[request.kind.plural] as string;
    const { metadata } = request.object;
    if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  },
});
