import { lease } from '../../api/coordination/lease.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import { openWay } from '../choose-way.ts';
import { type ClusterContext, controlPlanes, hostOf } from '../cluster-context.ts';
import { SERVICES } from '../spec/node-paths.ts';
import type { Step } from './step.ts';
import { waitFor } from './wait.ts';

const TIMEOUT_MS = Number(process.env['SLIPWAY_API_TIMEOUT_MS'] ?? 60_000);

/** The API answers, to the administrator. */
export const apiReady: Step<ClusterContext> = {
  name: 'api-ready',
  title: 'Waiting for the API',
  needs: ['control-plane', 'kubeconfig'],
  apply: async (context, report) => {
    const [first] = controlPlanes(context.spec);
    const transport = await waitFor(await openWay(context), {
      signal: context.signal,
      timeoutMs: context.options.timeoutMs ?? TIMEOUT_MS,
      tried: 'reach the API server',
      logs: first && { host: hostOf(context, first), service: SERVICES.server },
      advice: [`slipway up ${context.spec.name} --keep`, `slipway logs-of ${first?.name} ${SERVICES.server}`],
    });
    if (context.tunnel) report(`by way of ${context.tunnel.through.join(', ')}`);
    context.client = createClient(transport);
    for (const { name } of context.spec.nodes.filter((node) => context.woken.has(node.name)))
      context.lastHeard.set(name, await renewedAt(context.client, name));
    return { changed: false };
  },
};

/** When the agent of a node last renewed its lease, by its own clock. */
export const renewedAt = async (client: Client, node: string): Promise<string | undefined> => {
  const found = await client.get<Lease>(lease, { namespace: 'kube-node-lease', name: node }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    return undefined;
  });
  return found?.spec?.renewTime;
};
