import { node as nodes } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { type Controller, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { readyStatusOf } from '../nodelifecycle/nodelifecycle-decide.ts';
import { nodeAddresses, nodePatch } from './cloudnode-decide.ts';

/** A machine's place and address change seldom; one that is gone is noticed because its node goes silent. */
const LOOK_AGAIN_MS = 5 * 60_000;
const LOOK_AGAIN_SILENT_MS = 15_000;

/** Tells nodes what only the cloud knows of their machines, and removes nodes whose machine is gone. Without a cloud it does nothing. */
export const cloudNodeController: Controller = {
  name: 'cloud-node',
  serviceAccount: 'node-controller',
  workers: 2,
  build: ({ client, informers, events, log, config: { cloud } }) => {
    if (!cloud) return { watches: [], sync: async () => undefined };
    const all = informers.of<Node>(nodes);
    /** Nodes that were looked at when they were as they are now. */
    const seen = new Map<string, string>();
    all.addHandler({ delete: (node) => seen.delete(node.metadata.name ?? '') });
    const isOurs = (node: Stored<Node>): boolean => !node.spec?.providerID || node.spec.providerID.startsWith(`${cloud.name}://`);
    const stateOf = (node: Stored<Node>): string => `${node.metadata.uid} ${node.spec?.providerID} ${readyStatusOf(node)}`;
    return {
      watches: [watchOf(all, (node) => (seen.get(node.metadata.name ?? '') === stateOf(node) ? [] : [node.metadata.name ?? '']))],
      sync: async (name) => {
        const node = all.get(name);
        if (!node || node.metadata.deletionTimestamp || !isOurs(node)) return undefined;
        const { uid } = node.metadata;
        const instance = await cloud.instance({ name, providerId: node.spec?.providerID });
        if (!instance) {
          // A node that never had a machine of this cloud is somebody else's, or its machine is not listed yet.
          if (!node.spec?.providerID || readyStatusOf(node) === 'True') return { requeueAfterMs: LOOK_AGAIN_SILENT_MS };
          log.info('a node whose machine is gone is removed', { node: name });
          events.record(
            regarding(nodes, node),
            'Normal',
            'DeletingNode',
            `Deleting node ${name} because it does not exist in the cloud provider`,
          );
          await client.delete(nodes, { name }, { preconditions: { ...(uid ? { uid } : {}) } }).catch((error: unknown) => {
            if (!isNotFound(error)) throw error;
          });
          return undefined;
        }
        const patch = nodePatch(node, instance);
        if (patch) await client.patch(nodes, { name }, patch, { type: 'application/merge-patch+json' });
        const addresses = nodeAddresses(node, instance);
        if (addresses)
          await client.patch(
            nodes,
            { name, subresource: 'status' },
            { metadata: { uid }, status: { addresses } },
            { type: 'application/merge-patch+json' },
          );
        seen.set(name, stateOf(node));
        return { requeueAfterMs: readyStatusOf(node) === 'True' ? LOOK_AGAIN_MS : LOOK_AGAIN_SILENT_MS };
      },
    };
  },
};
