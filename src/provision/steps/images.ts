import type { ClusterContext } from '../cluster-context.ts';
import type { Step } from './step.ts';

/** The images that Slipway makes itself: pause, under every pod, and the demo. */
export const images: Step<ClusterContext> = {
  name: 'images',
  title: 'Loading images',
  needs: ['container-runtime'],
  // The archives are made and loaded by provision/images, which is being written.
  apply: async () => ({ changed: false }),
};
