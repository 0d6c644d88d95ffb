import { VERSION_ANNOTATION } from '../../api/config/agent-config.ts';
import { node as nodeKind } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { adminTransport } from '../admin-transport.ts';
import { type ClusterContext, hostOf } from '../cluster-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { SERVICES } from '../spec/node-paths.ts';
import { requireClient } from '../steps/nodes-ready.ts';
import { waitFor } from '../steps/wait.ts';

const HEALTHY_MS = 60_000;
/** A program that ends soon after it began is not healthy: it is looked at again after this. */
const STEADY_MS = 2500;

/** The server of a node answers, and it is that version. */
export const awaitServer = async (context: ClusterContext, node: NodeSpec, version: string): Promise<void> => {
  // A connection of its own: that of before may lie to the server that has gone.
  const transport = adminTransport(context, { connectTimeoutMs: 2000 });
  try {
    const tried = `see the control plane of ${node.name} healthy in version ${version}`;
    await steadily(context, { tried, node, service: SERVICES.server }, async () => {
      const { body } = await transport.send({ method: 'GET', path: '/version' });
      const { slipwayVersion } = body as { slipwayVersion?: string };
      if (slipwayVersion !== version) throw new Error(`version ${slipwayVersion} answers`);
      return (await transport.send({ method: 'GET', path: '/readyz' })).status === 200;
    });
  } finally {
    await transport.close();
  }
};

/** The node is Ready, and its agent is that version. */
export const awaitAgent = async (context: ClusterContext, node: NodeSpec, version: string): Promise<void> => {
  const client = requireClient(context);
  const tried = `see ${node.name} Ready in version ${version}`;
  await steadily(context, { tried, node, service: SERVICES.agent }, async () => {
    const { metadata, status } = await client.get<Stored<Node>>(nodeKind, { name: node.name });
    const agent = metadata.annotations?.[VERSION_ANNOTATION];
    if (agent !== version) throw new Error(`its agent is of version ${agent}`);
    return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
  });
};

/** Holds, and holds still a while later. */
const steadily = async (
  context: ClusterContext,
  { tried, node, service }: { tried: string; node: NodeSpec; service: string },
  holds: () => Promise<boolean>,
): Promise<void> => {
  let since: number | undefined;
  await waitFor(
    async () => {
      const isWell = await holds().catch((error: unknown) => {
        since = undefined;
        throw error;
      });
      since = isWell ? (since ?? Date.now()) : undefined;
      return since !== undefined && Date.now() - since >= STEADY_MS ? true : undefined;
    },
    { signal: context.signal, timeoutMs: HEALTHY_MS, tried, logs: { host: hostOf(context, node), service } },
  );
};
