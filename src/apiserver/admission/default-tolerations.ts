import type { KubeObject } from '../../api/meta/object.ts';
import type { Pod, Toleration } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin } from './admission.ts';

/** Upstream's default. */
const SECONDS = 300;
const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';

/** Pods bear a node's silence for `podEvictionSeconds` (five minutes where the cluster does not say), unless they say otherwise. */
export const createDefaultTolerations = ({
  podEvictionSeconds = SECONDS,
}: {
  podEvictionSeconds?: number | undefined;
}): AdmissionPlugin => ({
  name: 'DefaultTolerationSeconds',
  resources: ['/pods'],
  admit(request) {
    if (!request.object || request.subresource !== '') return;
    const spec = (request.object as KubeObject & Pod).spec;
    if (!spec) return;
    for (const key of [NOT_READY, UNREACHABLE]) {
      if (spec.tolerations?.some((toleration) => bears(toleration, key))) continue;
      spec.tolerations = [
        ...(spec.tolerations ?? []),
        { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: podEvictionSeconds },
      ];
    }
  },
});

const bears = ({ key, effect }: Toleration, taint: string): boolean => (key === taint || !key) && (effect === 'NoExecute' || !effect);
