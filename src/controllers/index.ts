import { certificatesController } from './certificates/certificates-controller.ts';
import { certificatesCleanerController } from './certificatescleaner/certificatescleaner-controller.ts';
import { cloudNodeController } from './cloudnode/cloudnode-controller.ts';
import { cloudRouteController } from './cloudroute/cloudroute-controller.ts';
import { clusterRoleAggregationController } from './clusterroleaggregation/clusterroleaggregation-controller.ts';
import type { Controller } from './controller.ts';
import { cronJobController } from './cronjob/cronjob-controller.ts';
import { daemonSetController } from './daemonset/daemonset-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { endpointsController } from './endpoints/endpoints-controller.ts';
import { endpointSliceController } from './endpointslice/endpointslice-controller.ts';
import { endpointSliceMirroringController } from './endpointslicemirroring/endpointslicemirroring-controller.ts';
import { garbageCollectorController } from './garbagecollector/garbagecollector-controller.ts';
import { jobController } from './job/job-controller.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { nodeIpamController } from './nodeipam/nodeipam-controller.ts';
import { nodeLifecycleController } from './nodelifecycle/nodelifecycle-controller.ts';
import { persistentVolumeController } from './persistentvolume/persistentvolume-controller.ts';
import { podGcController } from './podgc/podgc-controller.ts';
import { pvcProtectionController } from './pvcprotection/pvcprotection-controller.ts';
import { pvProtectionController } from './pvprotection/pvprotection-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { replicationControllerController } from './replicationcontroller/replicationcontroller-controller.ts';
import { rootCaController } from './rootca/rootca-controller.ts';
import { serviceController } from './service/service-controller.ts';
import { serviceAccountController } from './serviceaccount/serviceaccount-controller.ts';
import { statefulSetController } from './statefulset/statefulset-controller.ts';
import { taintEvictionController } from './tainteviction/tainteviction-controller.ts';
import { ttlAfterFinishedController } from './ttlafterfinished/ttlafterfinished-controller.ts';

/** Every control loop of the cluster. Adding one is a folder and a line here. Endpoints come first: their delay is felt most. */
export const CONTROLLERS: readonly Controller[] = [
  endpointSliceController,
  endpointsController,
  endpointSliceMirroringController,
  replicaSetController,
  replicationControllerController,
  deploymentController,
  daemonSetController,
  jobController,
  statefulSetController,
  namespaceController,
  serviceAccountController,
  rootCaController,
  nodeLifecycleController,
  taintEvictionController,
  nodeIpamController,
  podGcController,
  garbageCollectorController,
  ttlAfterFinishedController,
  certificatesController,
  certificatesCleanerController,
  persistentVolumeController,
  pvProtectionController,
  pvcProtectionController,
  clusterRoleAggregationController,
  disruptionController,
  cronJobController,
  serviceController,
  cloudNodeController,
  cloudRouteController,
];
