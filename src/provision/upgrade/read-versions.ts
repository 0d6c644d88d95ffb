import { VERSION_ANNOTATION } from '../../api/config/agent-config.ts';
import { node as nodeKind } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { adminTransport } from '../admin-transport.ts';
import { type ClusterContext, hostOf } from '../cluster-context.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';
import { requireClient } from '../steps/nodes-ready.ts';
import type { NodeVersions } from './plan-upgrade.ts';

/** Which version lies and runs where. Of what does not answer, nothing is known. */
export const readVersions = async (context: ClusterContext): Promise<NodeVersions[]> => {
  // Nobody answers where an interrupted upgrade left the control plane broken.
  const { items } = await requireClient(context)
    .list<Stored<Node>>(nodeKind)
    .catch(() => ({ items: [] as Stored<Node>[] }));
  return Promise.all(
    context.spec.nodes.map(async (node) => {
      const laid = (await hostOf(context, node).readFile(NODE_PATHS.version))?.toString().trim();
      const agent = items.find(({ metadata }) => metadata.name === node.name)?.metadata.annotations?.[VERSION_ANNOTATION];
      if (!node.controlPlane) return { name: node.name, controlPlane: false, laid, agent };
      const transport = adminTransport(context);
      try {
        const answer = await transport.send({ method: 'GET', path: '/version' }).catch(() => undefined);
        const server = (answer?.body as { slipwayVersion?: string } | undefined)?.slipwayVersion;
        return { name: node.name, controlPlane: true, laid, agent, server };
      } finally {
        await transport.close();
      }
    }),
  );
};
