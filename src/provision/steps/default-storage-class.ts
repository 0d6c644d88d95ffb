import { isAlreadyExists } from '../../api/meta/status.ts';
import { storageClass } from '../../api/storage/storage-class.ts';
import type { StorageClass } from '../../api/types/storage-v1.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { overLostApi } from '../over-lost-api.ts';
import { requireClient } from './nodes-ready.ts';
import type { Step } from './step.ts';

/** Claims that name no class get folders on the node of the pod that uses them first. Only a new cluster gets it: who deletes it means it. */
export const defaultStorageClass: Step<ClusterContext> = {
  name: 'default-storage-class',
  title: 'Making the default storage class',
  needs: ['api-ready'],
  wanted: (context) => context.isNew && context.spec.storageClass !== false,
  apply: async (context) => {
    try {
      await overLostApi(() => requireClient(context).create(storageClass, LOCAL_PATH), context);
      return { changed: true };
    } catch (error) {
      if (isAlreadyExists(error)) return { changed: false };
      throw error;
    }
  },
};

const LOCAL_PATH: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'slipway.local/path',
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
};
