import type { AgentConfig } from '../../api/config/agent-config.ts';
import { factsOf } from '../../hosts/facts/host-facts.ts';
import type { Host } from '../../hosts/host.ts';
import { addressOf, apiServersFor, type ClusterContext, hostOf, isSlow, onEveryNode } from '../cluster-context.ts';
import { PAUSE_IMAGE } from '../images/builtin-images.ts';
import { sinceOf } from '../node-marker.ts';
import { labelsOfItsOwn, taintsOf } from '../node-marks.ts';
import { overlayOf } from '../pod-network.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { AGENT_PORT, NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import { layFiles, layFreshLeaves, requirePki } from './lay-files.ts';
import { layService } from './lay-service.ts';
import { nodeCommand, nodeEnvironment } from './node-command.ts';
import type { Step } from './step.ts';

/** An agent's short-lived objects are few: a small space for them keeps its memory small. */
const YOUNG_SPACE = '--max-semi-space-size=2';

/** slipway-agent on every node. It waits by itself for containerd and the API, so it is started without waiting for them. */
export const agents: Step<ClusterContext> = {
  name: 'agents',
  title: 'Starting node agents',
  plannable: true,
  needs: ['certificates', 'programs'],
  apply: (context) => onEveryNode(context, context.spec.nodes, (node) => layAgent(context, node)),
};

/** On one node: its files, its unit, and it runs with them. */
export const layAgent = async (context: ClusterContext, node: NodeSpec): Promise<{ changed: boolean }> => {
  const host = hostOf(context, node);
  const [config, secrets] = await Promise.all([
    layFiles(host, {
      [`${NODE_PATHS.config}/agent.json`]: `${JSON.stringify(await agentConfig(context, node, host), undefined, 2)}\n`,
    }),
    layAgentSecrets(context, node),
  ]);
  const service = await layService(host, {
    unit: {
      name: SERVICES.agent,
      description: 'Slipway node agent',
      command: nodeCommand(NODE_PATHS.agent, `${NODE_PATHS.config}/agent.json`, [YOUNG_SPACE]),
      env: nodeEnvironment('slipway-agent.js'),
      after: [SERVICES.containerd],
    },
    configChanged: config.changed,
  });
  return { changed: service.changed || secrets.changed };
};

/** What the agent takes up while it runs. */
export const layAgentSecrets = async (context: ClusterContext, node: NodeSpec): Promise<{ changed: boolean }> => {
  const results = await Promise.all([
    layFiles(hostOf(context, node), { [`${NODE_PATHS.pki}/ca.crt`]: requirePki(context).trustPem }),
    layFreshLeaves(context, node, ['agent', 'agent-serving']),
  ]);
  return { changed: results.some((result) => result.changed) };
};

const agentConfig = async (context: ClusterContext, node: NodeSpec, host: Host): Promise<AgentConfig> => {
  const { spec } = context;
  const { network } = spec;
  const facts = await factsOf(host);
  const nodeSince = sinceOf(node, facts.marker);
  return {
    clusterName: spec.name,
    nodeName: node.name,
    ...(nodeSince ? { nodeSince } : {}),
    nodeAddress: addressOf(context, node),
    apiServers: apiServersFor(context, node),
    pki: {
      caFile: `${NODE_PATHS.pki}/ca.crt`,
      clientCertFile: `${NODE_PATHS.pki}/agent.crt`,
      clientKeyFile: `${NODE_PATHS.pki}/agent.key`,
      servingCertFile: `${NODE_PATHS.pki}/agent-serving.crt`,
      servingKeyFile: `${NODE_PATHS.pki}/agent-serving.key`,
    },
    port: AGENT_PORT,
    labels: labelsOfItsOwn(node),
    taints: taintsOf(spec, node),
    containerRuntimeSocket: NODE_PATHS.containerdSocket,
    cniBinDir: facts.cniFolders[0] ?? NODE_PATHS.cniBin,
    cniConfDir: NODE_PATHS.cniConfig,
    clusterDns: network.clusterDns,
    clusterDomain: network.clusterDomain,
    serviceCidr: network.serviceCidr,
    podCidr: network.podCidr,
    nodePortRange: network.nodePortRange,
    rootDir: NODE_PATHS.kubelet,
    manifestDir: NODE_PATHS.manifests,
    podLogsDir: NODE_PATHS.podLogs,
    pauseImage: PAUSE_IMAGE,
    maxPods: 110,
    overlay: overlayOf(context),
    reserved: { cpu: '100m', memory: '200Mi' },
    ...(node.cpus || node.memoryMiB ? { capacity: capacityOf(node) } : {}),
    upstreamDns: [...facts.resolvers],
    ...(isSlow(context) ? { slow: true } : {}),
  };
};

const capacityOf = (node: NodeSpec): { cpu?: string; memory?: string } => ({
  ...(node.cpus ? { cpu: String(node.cpus) } : {}),
  ...(node.memoryMiB ? { memory: `${node.memoryMiB}Mi` } : {}),
});
