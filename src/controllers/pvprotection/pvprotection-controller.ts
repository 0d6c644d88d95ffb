import { persistentVolume as volumes } from '../../api/core/persistent-volume.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { PersistentVolume } from '../../api/types/core-v1.ts';
import { type Controller, watchOf } from '../controller.ts';

/** A volume that is deleted stays while it is bound to a claim. */
export const pvProtectionController: Controller = {
  name: 'persistentvolume-protection',
  serviceAccount: 'pv-protection-controller',
  build: ({ client, informers }) => {
    const all = informers.of<PersistentVolume>(volumes);
    return {
      watches: [watchOf(all, (volume) => (isHeld(volume) ? [volume.metadata.name ?? ''] : []))],
      sync: async (name) => {
        const volume = all.get(name);
        if (!volume || !isHeld(volume) || volume.status?.phase === 'Bound') return undefined;
        const finalizers = (volume.metadata.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
        await client.update(volumes, { ...volume, metadata: { ...volume.metadata, finalizers } }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
        return undefined;
      },
    };
  },
};

const FINALIZER = 'kubernetes.io/pv-protection';

const isHeld = (volume: Stored<PersistentVolume>): boolean =>
  volume.metadata.deletionTimestamp !== undefined && (volume.metadata.finalizers ?? []).includes(FINALIZER);
