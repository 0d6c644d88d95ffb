import type { NodeInfo } from '../model/node-info.ts';
import { reject, type SchedulerPlugin, type World } from '../plugin.ts';

const TOO_MANY = reject('node(s) exceed max volume count', { resolvable: true });

/** CSI drivers say how many volumes a node can have (CSINode). */
export const nodeVolumeLimits: SchedulerPlugin = {
  name: 'NodeVolumeLimits',
  prepareFilter: (pod, world) => {
    const wanted = volumesOf(pod.namespace, pod.claims, world);
    if (wanted.size === 0) return undefined;
    return {
      filter: (node) => {
        const limits = world.csiNode(node.name)?.spec?.drivers;
        if (!limits?.some((driver) => driver.allocatable?.count !== undefined)) return undefined;
        const all = new Map([...volumesOnNode(node, world), ...wanted]);
        for (const driver of limits) {
          const limit = driver.allocatable?.count;
          if (limit === undefined) continue;
          const used = [...all.values()].filter((name) => name === driver.name).length;
          if (used > limit && [...wanted.values()].includes(driver.name)) return TOO_MANY;
        }
        return undefined;
      },
    };
  },
  mayHelp: (event) => event.kind === 'pod-gone' || event.kind === 'storage-changed' || event.kind === 'node-added',
};

/** Volume handles with their driver; claims that are not bound yet count for the driver that will make them. */
const volumesOf = (namespace: string, claims: readonly string[], world: World): Map<string, string> => {
  const found = new Map<string, string>();
  for (const name of claims) {
    const claim = world.claim(namespace, name);
    const csi = world.volume(claim?.spec?.volumeName ?? '')?.spec?.csi;
    if (csi) found.set(csi.volumeHandle, csi.driver);
    else if (claim && !claim.spec?.volumeName) {
      const provisioner = world.storageClass(claim.spec?.storageClassName ?? '')?.provisioner;
      if (provisioner) found.set(`${namespace}/${name}`, provisioner);
    }
  }
  return found;
};

const volumesOnNode = (node: NodeInfo, world: World): Map<string, string> => {
  const found = new Map<string, string>();
  for (const pod of node.pods.values())
    if (pod.claims.length > 0) for (const [handle, driver] of volumesOf(pod.namespace, pod.claims, world)) found.set(handle, driver);
  return found;
};
