import type { OpenBundle } from '../bundle/open-bundle.ts';
import { type ClusterContext, hostOf } from '../cluster-context.ts';
import { loadImages } from '../images/load-images.ts';
import type { Step } from './step.ts';

/** Images that came in the bundle go to every node: nothing is pulled where nothing can be. */
export const bundleImages: Step<ClusterContext> = {
  name: 'bundle-images',
  title: 'Loading images of the bundle',
  // That step waits until containerd answers, and tells why when it does not.
  needs: ['images'],
  wanted: (context) => Boolean(context.bundle?.manifest.images.length),
  apply: async (context, report) => {
    const { manifest, pathOf } = context.bundle as OpenBundle;
    const hosts = context.spec.nodes.map((node) => hostOf(context, node));
    let changed = false;
    for await (const event of loadImages(
      hosts,
      manifest.images.map((image) => ({ path: pathOf(image) })),
    )) {
      if (event.type === 'step-started') report(event.node ? `${event.title} on ${event.node}` : event.title);
      if (event.type === 'step-done') changed ||= event.changed;
    }
    return { changed };
  },
};
