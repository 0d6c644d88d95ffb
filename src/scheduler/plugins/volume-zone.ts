import { reject, type SchedulerPlugin } from '../plugin.ts';

const OTHER_ZONE = reject('node(s) had no available volume zone', { resolvable: false });
const KEYS = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];

/** Volumes of older provisioners say their zone by a label; several zones are joined by `__`. */
export const volumeZone: SchedulerPlugin = {
  name: 'VolumeZone',
  prepareFilter: (pod, world) => {
    const wanted: { key: string; values: readonly string[] }[] = [];
    for (const name of pod.claims) {
      const volume = world.volume(world.claim(pod.namespace, name)?.spec?.volumeName ?? '');
      for (const key of KEYS) {
        const label = volume?.metadata.labels?.[key];
        if (label !== undefined) wanted.push({ key, values: label.split('__') });
      }
    }
    if (wanted.length === 0) return undefined;
    return {
      filter: (node) => {
        // A cluster of one zone has no such labels at all.
        if (KEYS.every((key) => node.labels[key] === undefined)) return undefined;
        return wanted.every(({ key, values }) => values.includes(node.labels[key] ?? '')) ? undefined : OTHER_ZONE;
      },
    };
  },
  mayHelp: (event) =>
    event.kind === 'storage-changed' || event.kind === 'node-added' || (event.kind === 'node-changed' && event.what === 'labels'),
};
