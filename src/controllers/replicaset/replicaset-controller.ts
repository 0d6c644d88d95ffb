import { replicaSet } from '../../api/apps/replica-set.ts';
import type { ReplicaSet } from '../../api/types/apps-v1.ts';
import type { Controller } from '../controller.ts';
import { ReplicaReconciler } from './replica-reconciler.ts';

export const replicaSetController: Controller = {
  name: 'replicaset',
  serviceAccount: 'replicaset-controller',
  build: (context) => new ReplicaReconciler<ReplicaSet>(context, { kind: replicaSet, selectorOf: (set) => set.spec?.selector }),
};
