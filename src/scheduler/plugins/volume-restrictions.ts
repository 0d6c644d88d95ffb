import { reject, type SchedulerPlugin } from '../plugin.ts';

const IN_USE = reject('node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod', {
  resolvable: true,
});

/** A claim of ReadWriteOncePod is for one pod of the whole cluster. */
export const volumeRestrictions: SchedulerPlugin = {
  name: 'VolumeRestrictions',
  prepareFilter: (pod, world) => {
    const single = pod.claims.filter((name) => world.claim(pod.namespace, name)?.spec?.accessModes?.includes('ReadWriteOncePod'));
    if (single.length === 0) return undefined;
    const used = single.map((name) =>
      world.state.count({
        id: `claim ${pod.namespace}/${name}`,
        namespace: pod.namespace,
        matches: (other) => other.claims.includes(name),
      }),
    );
    // Elsewhere it is as much in use: but only where the other pod runs would removing it make room.
    return { filter: () => (used.some((tally) => !tally.isEmpty) ? IN_USE : undefined) };
  },
  mayHelp: (event) => event.kind === 'pod-gone' || event.kind === 'storage-changed',
};
