import type { ServerConfig } from '../../api/config/server-config.ts';
import { addressOf, type ClusterContext, controlPlanes, hostOf, isSlow, onEveryNode } from '../cluster-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { API_PORT, NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import { layFiles, layFreshLeaves, requirePki } from './lay-files.ts';
import { layService } from './lay-service.ts';
import { nodeCommand, nodeEnvironment, SERVER_HEAP } from './node-command.ts';
import type { Step } from './step.ts';

/** slipway-server: API server, scheduler and controllers. */
export const controlPlane: Step<ClusterContext> = {
  name: 'control-plane',
  title: 'Starting the control plane',
  plannable: true,
  needs: ['certificates', 'programs'],
  apply: (context) => onEveryNode(context, controlPlanes(context.spec), (node) => layControlPlane(context, node)),
};

/** On one node: its files, its unit, and it runs with them. */
export const layControlPlane = async (context: ClusterContext, node: NodeSpec): Promise<{ changed: boolean }> => {
  const host = hostOf(context, node);
  const { cloud } = await context.drivers.of(node);
  const content = { ...serverConfig(context, node), ...(cloud ? { cloud } : {}) };
  const [config, secrets] = await Promise.all([
    layFiles(host, { [`${NODE_PATHS.config}/server.json`]: `${JSON.stringify(content, undefined, 2)}\n` }),
    layServerSecrets(context, node),
  ]);
  const service = await layService(host, {
    unit: {
      name: SERVICES.server,
      description: 'Slipway control plane',
      command: nodeCommand(NODE_PATHS.server, `${NODE_PATHS.config}/server.json`, SERVER_HEAP),
      env: nodeEnvironment('slipway-server.js'),
    },
    configChanged: config.changed,
  });
  return { changed: service.changed || secrets.changed };
};

/** What the server takes up while it runs. */
export const layServerSecrets = async (context: ClusterContext, node: NodeSpec): Promise<{ changed: boolean }> => {
  const { authority, trustPem, signingKeys } = requirePki(context);
  const results = await Promise.all([
    layFiles(hostOf(context, node), {
      [`${NODE_PATHS.pki}/ca.crt`]: trustPem,
      [`${NODE_PATHS.pki}/ca.key`]: authority.keyPem,
      [`${NODE_PATHS.pki}/service-accounts.key`]: signingKeys,
    }),
    layFreshLeaves(context, node, ['apiserver', 'apiserver-kubelet-client']),
  ]);
  return { changed: results.some((result) => result.changed) };
};

const serverConfig = (context: ClusterContext, node: NodeSpec): ServerConfig => {
  const { network, name } = context.spec;
  return {
    clusterName: name,
    nodeName: node.name,
    components: ['apiserver', 'scheduler', 'controllers'],
    bindAddress: '0.0.0.0',
    securePort: API_PORT,
    advertiseAddress: addressOf(context, node),
    serviceCidr: network.serviceCidr,
    podCidr: network.podCidr,
    nodeCidrMaskSize: network.nodeCidrMaskSize,
    nodePortRange: network.nodePortRange,
    clusterDomain: network.clusterDomain,
    // Upstream waits 40 s and then five minutes before a dead node's pods move.
    nodeMonitorGraceSeconds: isSlow(context) ? 60 : 10,
    podEvictionSeconds: isSlow(context) ? 300 : 20,
    ...(context.spec.certificateSeconds ? { certificateSeconds: context.spec.certificateSeconds } : {}),
    store: { kind: 'sqlite', path: `${NODE_PATHS.data}/store/slipway.db` },
    pki: {
      caFile: `${NODE_PATHS.pki}/ca.crt`,
      caKeyFile: `${NODE_PATHS.pki}/ca.key`,
      certFile: `${NODE_PATHS.pki}/apiserver.crt`,
      keyFile: `${NODE_PATHS.pki}/apiserver.key`,
      serviceAccountKeyFile: `${NODE_PATHS.pki}/service-accounts.key`,
      serviceAccountIssuer: `https://kubernetes.default.svc.${network.clusterDomain}`,
      kubeletClientCertFile: `${NODE_PATHS.pki}/apiserver-kubelet-client.crt`,
      kubeletClientKeyFile: `${NODE_PATHS.pki}/apiserver-kubelet-client.key`,
    },
  };
};
