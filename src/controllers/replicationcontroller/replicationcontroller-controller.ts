import { replicationController } from '../../api/core/replication-controller.ts';
import type { ReplicationController } from '../../api/types/core-v1.ts';
import type { Controller } from '../controller.ts';
import { ReplicaReconciler } from '../replicaset/replica-reconciler.ts';

/** The ReplicaSet's older form, with a selector of plain labels. */
export const replicationControllerController: Controller = {
  name: 'replicationcontroller',
  serviceAccount: 'replication-controller',
  build: (context) =>
    new ReplicaReconciler<ReplicationController>(context, {
      kind: replicationController,
      selectorOf: (controller) => ({ matchLabels: controller.spec?.selector ?? {} }),
    }),
};
