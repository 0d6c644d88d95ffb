import { node as nodes } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Client } from '../../client/client.ts';
import { type ClusterContext, hostOf } from '../cluster-context.ts';
import { markPatch } from '../node-marks.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { SERVICES } from '../spec/node-paths.ts';
import { renewedAt } from './api-ready.ts';
import type { Step } from './step.ts';
import { waitFor } from './wait.ts';

const TIMEOUT_MS = 90_000;
/** Given to a node that is new, and taken away by a controller: until then no pod may go there. */
const BEGINNING_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable', 'node.kubernetes.io/network-unavailable'];

/** Every node is Ready; this computer has a way to its pods. */
export const nodesReady: Step<ClusterContext> = {
  name: 'nodes-ready',
  title: 'Waiting for the nodes',
  needs: ['api-ready', 'agents', 'container-runtime'],
  apply: async (context, report) => {
    const client = requireClient(context);
    const changes = await Promise.all(
      context.spec.nodes.map(async (node) => {
        const found = await readyNode(context, client, node);
        report(`${node.name} is ready`);
        const driver = await context.drivers.of(node);
        await driver.route?.({ cluster: context.spec.name, name: node.name }, found.spec?.podCIDRs ?? []);
        return markNode(context, client, node, found);
      }),
    );
    return { changed: changes.includes(true) };
  },
};

const readyNode = (context: ClusterContext, client: Client, node: NodeSpec): Promise<Stored<Node>> =>
  waitFor(
    async () => {
      // What the store says of a machine that was off is of before.
      if (context.woken.has(node.name) && (await renewedAt(client, node.name)) === context.lastHeard.get(node.name))
        throw new Error('its agent has not been heard from since the machine was started');
      const found = await client.get<Stored<Node>>(nodes, { name: node.name });
      const ready = found.status?.conditions?.find((condition) => condition.type === 'Ready');
      const waitsFor = found.spec?.taints?.find((taint) => BEGINNING_TAINTS.includes(taint.key));
      if (ready?.status === 'True' && !waitsFor) return found;
      throw new Error(waitsFor ? `the node is still tainted ${waitsFor.key}` : ready?.message || 'the node has not reported its state yet');
    },
    {
      signal: context.signal,
      timeoutMs: context.options.timeoutMs ?? TIMEOUT_MS,
      tried: `see the node ${node.name} ready`,
      logs: { host: hostOf(context, node), service: SERVICES.agent },
      advice: [`slipway up ${context.spec.name} --keep`, `slipway logs-of ${node.name} ${SERVICES.agent}`],
    },
  );

/** A node may not give itself a role (NodeRestriction), nor take a taint away: the administrator does. */
const markNode = async (context: ClusterContext, client: Client, node: NodeSpec, found: Stored<Node>): Promise<boolean> => {
  const patch = markPatch(context.spec, node, found);
  if (!patch) return false;
  await client.patch(nodes, { name: node.name }, patch, { type: 'application/merge-patch+json' });
  return true;
};

export const requireClient = (context: ClusterContext): Client => {
  if (!context.client) throw new SlipwayError('STEP_FAILED', { tried: 'ask the API server', cause: 'it has not been reached yet' });
  return context.client;
};
