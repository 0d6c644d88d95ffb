import type { Controller } from './controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { endpointsController } from './endpoints/endpoints-controller.ts';
import { endpointSliceController } from './endpointslice/endpointslice-controller.ts';
import { endpointSliceMirroringController } from './endpointslicemirroring/endpointslicemirroring-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { replicationControllerController } from './replicationcontroller/replicationcontroller-controller.ts';

/** Every control loop of the cluster. Adding one is a folder and a line here. */
export const CONTROLLERS: readonly Controller[] = [
  endpointSliceController,
  endpointsController,
  endpointSliceMirroringController,
  replicaSetController,
  replicationControllerController,
  deploymentController,
];
