import { node as nodes } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { Controller } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { rfc3339 } from '../pods.ts';
import { hasRoute, routeCondition, routedNodes, strayRanges } from './cloudroute-decide.ts';

/** All routes are in one table, which is looked at as a whole. */
const TABLE = 'table';
/** Somebody may have changed it: upstream looks as often. */
const LOOK_AGAIN_MS = 10_000;

/** Keeps the cloud's network leading every node's range of pod addresses to its machine. Without a cloud that does so it does nothing. */
export const cloudRouteController: Controller = {
  name: 'cloud-route',
  serviceAccount: 'route-controller',
  workers: 1,
  build: ({ client, informers, events, log, now, config: { cloud, podCidr } }) => {
    const routes = cloud?.routes;
    if (!cloud || !routes || !podCidr) return { watches: [], sync: async () => undefined };
    const all = informers.of<Node>(nodes);

    const tell = async (node: Stored<Node>, isRouted: boolean): Promise<void> => {
      const condition = routeCondition(node, { isRouted, now: rfc3339(now()) });
      if (!condition) return;
      const { uid, name = '' } = node.metadata;
      const patch = { metadata: { uid }, status: { conditions: [condition] } };
      await client
        .patch(nodes, { name, subresource: 'status' }, patch, { type: 'application/strategic-merge-patch+json' })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
    };

    return {
      // What a heartbeat changes costs no call.
      watches: [
        (enqueue) =>
          all.addHandler({
            add: () => enqueue(TABLE),
            update: (node, old) => concerns(node) !== concerns(old) && enqueue(TABLE),
            delete: () => enqueue(TABLE),
          }),
      ],
      sync: async () => {
        const there = await routes.list(podCidr);
        for (const range of strayRanges(there, all.list())) {
          log.info('a route that no node has is removed', { range });
          await routes.remove(range);
        }
        const failures: unknown[] = [];
        for (const routed of routedNodes(all.list(), cloud.name)) {
          const { node, route } = routed;
          try {
            if (!hasRoute(routed, there)) await routes.ensure(route, { podCidr });
            await tell(node, true);
          } catch (error) {
            failures.push(error);
            const text = `Could not create route ${route.range} for node ${node.metadata.name}: ${(error as Error).message}`;
            events.record(regarding(nodes, node), 'Warning', 'FailedToCreateRoute', text);
            await tell(node, false);
          }
        }
        if (failures.length) throw failures[0];
        return { requeueAfterMs: LOOK_AGAIN_MS };
      },
    };
  },
};

const concerns = ({ metadata, spec }: Stored<Node>): string =>
  `${metadata.uid} ${spec?.podCIDR} ${spec?.providerID} ${metadata.deletionTimestamp}`;
