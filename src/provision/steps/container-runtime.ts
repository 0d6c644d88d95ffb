import { renderTemplate } from '../../base/templates/template.ts';
import { factsOf } from '../../hosts/facts/host-facts.ts';
import { type ClusterContext, hostOf, onEveryNode } from '../cluster-context.ts';
import { PAUSE_IMAGE } from '../images/builtin-images.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import { layService } from './lay-service.ts';
import type { Step } from './step.ts';

/** containerd, configured and started. */
export const containerRuntime: Step<ClusterContext> = {
  name: 'container-runtime',
  title: 'Starting containerd',
  plannable: true,
  needs: ['programs'],
  apply: (context) => onEveryNode(context, context.spec.nodes, (node) => layContainerRuntime(context, node)),
};

/** On one node. */
export const layContainerRuntime = async (context: ClusterContext, node: NodeSpec): Promise<{ changed: boolean }> => {
  const host = hostOf(context, node);
  const facts = await factsOf(host);
  const config = await host.writeFile(
    NODE_PATHS.containerdConfig,
    renderTemplate('containerd', {
      paths: NODE_PATHS,
      pauseImage: PAUSE_IMAGE,
      cniBin: facts.cniFolders[0] ?? NODE_PATHS.cniBin,
      // Bit 24 is CAP_SYS_RESOURCE: without it no container may be given a lower oom_score than its maker.
      restrictOomScoreAdj: ((facts.capabilities >> 24n) & 1n) === 0n,
    }),
    { mode: 0o644 },
  );
  return layService(host, {
    unit: {
      name: SERVICES.containerd,
      description: 'Container runtime of the Slipway node',
      command: ['containerd', '--config', NODE_PATHS.containerdConfig],
    },
    configChanged: config.changed,
  });
};
