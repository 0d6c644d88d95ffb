import type { ClusterContext } from '../cluster-context.ts';
import { agents } from './agents.ts';
import { apiReady } from './api-ready.ts';
import { bundleImages } from './bundle-images.ts';
import { certificates } from './certificates.ts';
import { containerRuntime } from './container-runtime.ts';
import { controlPlane } from './control-plane.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { demo, demoAnswers } from './demo.ts';
import { afterUp, beforeUp } from './hooks.ts';
import { hosts } from './hosts.ts';
import { images, laterImages } from './images.ts';
import { kubeconfig } from './kubeconfig.ts';
import { machines } from './machines.ts';
import { manifests } from './manifests.ts';
import { nodesReady } from './nodes-ready.ts';
import { preflight } from './preflight.ts';
import { programs } from './programs.ts';
import type { Step } from './step.ts';
import { workloadsReady } from './workloads-ready.ts';

/** These change nothing of the cluster: they come before anything is written down of it, and before drivers are asked what there is. */
export const FIRST_STEPS: readonly Step<ClusterContext>[] = [beforeUp, preflight];

/**
 * What `up` and `node add` do. A step starts when the steps that it names in `needs` have ended:
 *
 *   preflight - machines -+- hosts - programs -+- container-runtime - images ----------+
 *                         |                    +- control-plane - api-ready -+- nodes-ready -+- demo - demo-answers - later-images
 *                         +- certificates -- kubeconfig -'           |
 *                                      +- agents --------------------'
 *
 * With --bundle, bundle-images after images; default-storage-class after api-ready, manifests after nodes-ready, with --wait workloads-ready after these. Hooks of the cluster file run
 * before and after all.
 */
export const STEPS: readonly Step<ClusterContext>[] = [
  ...FIRST_STEPS,
  machines,
  hosts,
  certificates,
  programs,
  containerRuntime,
  controlPlane,
  agents,
  kubeconfig,
  images,
  laterImages,
  apiReady,
  defaultStorageClass,
  nodesReady,
  demo,
  demoAnswers,
  bundleImages,
  manifests,
  workloadsReady,
  afterUp,
];
