import { openTunnelForJob, passageToApi } from './api-tunnel.ts';
import { type ClusterContext, clusterContext, type UpOptions } from './cluster-context.ts';
import type { OpenCluster } from './jobs/power.ts';
import type { NodeSpec } from './spec/cluster-spec.ts';

export interface OpenContext {
  context: ClusterContext;
  /** Nodes that are left out because their machine does not run or does not answer, with the reason. */
  absent: { node: NodeSpec; reason: string }[];
  close(): Promise<void>;
}

/**
 * What steps share, for work on the machines of a cluster that are there and run. Starts none; nodes whose machine is away are left out of
 * the context's spec.
 */
export const openContext = async (cluster: OpenCluster, options: Partial<UpOptions> & { signal: AbortSignal }): Promise<OpenContext> => {
  const { folder, state, drivers } = cluster;
  const { signal, ...wishes } = options;
  const context = clusterContext({
    spec: state.spec,
    folder,
    state,
    drivers,
    signal,
    options: { yes: false, keep: true, demo: false, mergeKubeconfig: true, switchContext: false, ...wishes },
  });
  const passage = state.tunnelPort ? await passageToApi(state.spec, drivers) : undefined;
  if (passage) {
    const tunnel = await openTunnelForJob(passage, { port: state.tunnelPort });
    context.tunnel = tunnel;
    context.close.push(() => tunnel.close());
  }
  const absent: OpenContext['absent'] = [];
  await Promise.all(
    state.spec.nodes.map(async (node) => {
      try {
        const machine = await drivers.describe(node);
        if (machine) context.machines.set(node.name, machine);
        if (machine?.state !== 'running') throw new Error(machine ? 'its machine is stopped' : 'it has no machine');
        const host = await (await drivers.of(node)).connect(machine);
        context.hosts.set(node.name, host);
        context.close.push(() => host.close());
      } catch (error) {
        absent.push({ node, reason: error instanceof Error ? error.message : String(error) });
      }
    }),
  );
  const nodes = state.spec.nodes.filter((node) => context.hosts.has(node.name));
  return {
    context: { ...context, spec: { ...state.spec, nodes } },
    absent,
    close: async () => {
      await Promise.all(context.close.map((end) => end().catch(() => {})));
    },
  };
};
