import { node as nodes } from '../../api/core/node.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { type Controller, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { nextNodeCidr } from './nodeipam-decide.ts';

/** Gives every node its range of pod addresses. One worker: two nodes must never get the same. */
export const nodeIpamController: Controller = {
  name: 'node-ipam',
  serviceAccount: 'node-controller',
  workers: 1,
  build: ({ client, informers, events, config }) => {
    const all = informers.of<Node>(nodes);
    /** Given out, and perhaps not in the cache yet: node -> range. */
    const given = new Map<string, string>();
    all.addHandler({ delete: (node) => given.delete(node.metadata.name ?? '') });
    return {
      watches: [watchOf(all, ({ metadata }) => [metadata.name ?? ''])],
      sync: async (name) => {
        const node = all.get(name);
        const { podCidr, nodeCidrMaskSize = 24 } = config;
        if (!node || !podCidr || node.spec?.podCIDR || node.metadata.deletionTimestamp) return undefined;
        const taken = new Set(given.values());
        for (const other of all.list()) for (const range of other.spec?.podCIDRs ?? []) taken.add(range);
        const range = given.get(name) ?? nextNodeCidr(podCidr, nodeCidrMaskSize, taken);
        if (range === undefined) {
          events.record(regarding(nodes, node), 'Warning', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
          return { requeueAfterMs: 30_000 };
        }
        given.set(name, range);
        const patch = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: range, podCIDRs: [range] } };
        await client.patch(nodes, { name }, patch, { type: 'application/merge-patch+json' });
        return undefined;
      },
    };
  },
};
