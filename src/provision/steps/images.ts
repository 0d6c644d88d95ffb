import { type ClusterContext, hostOf } from '../cluster-context.ts';
import type { Step } from './step.ts';

/** The images that Slipway makes itself: pause, under every pod, and the demo. */
export const images: Step<ClusterContext> = {
  name: 'images',
  title: 'Loading images',
  needs: ['container-runtime'],
  apply: async (context) => {
    const { loadOwnImages } = await import('../images/own-images.ts');
    return loadOwnImages(
      context.spec.nodes.map((node) => hostOf(context, node)),
      { signal: context.signal },
    );
  },
};
