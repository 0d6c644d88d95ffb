import type { Controller } from './controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { replicationControllerController } from './replicationcontroller/replicationcontroller-controller.ts';

/** Every control loop of the cluster. Adding one is a folder and a line here. */
export const CONTROLLERS: readonly Controller[] = [replicaSetController, replicationControllerController];
