import { persistentVolumeClaim as claims } from '../../api/core/persistent-volume-claim.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import { type Controller, watchOf } from '../controller.ts';
import { isPodFinished } from '../pods.ts';

/** A claim that is deleted stays until no pod uses it any more. */
export const pvcProtectionController: Controller = {
  name: 'persistentvolumeclaim-protection',
  serviceAccount: 'pvc-protection-controller',
  build: ({ client, informers }) => {
    const allClaims = informers.of<PersistentVolumeClaim>(claims);
    const allPods = informers.of<Pod>(pods);
    allPods.addIndex('claim', claimKeysOf);
    return {
      watches: [
        watchOf(allClaims, (claim) => (isHeld(claim) ? [keyOf(claim)] : [])),
        watchOf(allPods, (pod) => claimKeysOf(pod).filter((key) => isHeld(allClaims.get(key)))),
      ],
      sync: async (key) => {
        const claim = allClaims.get(key);
        if (!claim || !isHeld(claim)) return undefined;
        const isUser = (pod: Stored<Pod>): boolean => !isPodFinished(pod) && Boolean(pod.spec?.nodeName);
        if (allPods.byIndex('claim', key).some(isUser)) return undefined;
        // The cache may be behind by a pod that was made just now.
        const live = await client.list<Stored<Pod>>(pods, { namespace: claim.metadata.namespace });
        if (live.items.some((pod) => isUser(pod) && claimKeysOf(pod).includes(key))) return undefined;
        const finalizers = (claim.metadata.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
        await client.update(claims, { ...claim, metadata: { ...claim.metadata, finalizers } }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
        return undefined;
      },
    };
  },
};

const FINALIZER = 'kubernetes.io/pvc-protection';

const isHeld = (claim: Stored<PersistentVolumeClaim> | undefined): boolean =>
  claim?.metadata.deletionTimestamp !== undefined && (claim.metadata.finalizers ?? []).includes(FINALIZER);

/** Claims that a pod names, and those made for its ephemeral volumes. */
const claimKeysOf = (pod: Stored<Pod>): string[] =>
  (pod.spec?.volumes ?? []).flatMap((volume) => {
    const { namespace, name } = pod.metadata;
    if (volume.persistentVolumeClaim) return [`${namespace}/${volume.persistentVolumeClaim.claimName}`];
    return volume.ephemeral ? [`${namespace}/${name}-${volume.name}`] : [];
  });
