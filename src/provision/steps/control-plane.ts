import type { ServerConfig } from '../../api/config/server-config.ts';
import { addressOf, type ClusterContext, type ClusterPki, controlPlanes, hostOf, onEveryNode } from '../cluster-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { API_PORT, NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import { layFiles, requirePki } from './lay-files.ts';
import { layService } from './lay-service.ts';
import { nodeCommand, nodeEnvironment, SERVER_HEAP } from './node-command.ts';
import type { Step } from './step.ts';

/** slipway-server: API server, scheduler and controllers. */
export const controlPlane: Step<ClusterContext> = {
  name: 'control-plane',
  title: 'Starting the control plane',
  plannable: true,
  needs: ['certificates', 'programs'],
  apply: (context) =>
    onEveryNode(controlPlanes(context.spec), async (node) => {
      const host = hostOf(context, node);
      const { changed } = await layFiles(host, serverFiles(context, node));
      return layService(host, {
        unit: {
          name: SERVICES.server,
          description: 'Slipway control plane',
          command: nodeCommand(NODE_PATHS.server, `${NODE_PATHS.config}/server.json`, SERVER_HEAP),
          env: nodeEnvironment('slipway-server.js'),
        },
        configChanged: changed,
      });
    }),
};

const serverFiles = (context: ClusterContext, node: NodeSpec): Record<string, string> => {
  const pki: ClusterPki = requirePki(context);
  const server = pki.servers.get(node.name);
  return {
    [`${NODE_PATHS.pki}/ca.crt`]: pki.authority.certPem,
    [`${NODE_PATHS.pki}/ca.key`]: pki.authority.keyPem,
    [`${NODE_PATHS.pki}/apiserver.crt`]: server?.certPem ?? '',
    [`${NODE_PATHS.pki}/apiserver.key`]: server?.keyPem ?? '',
    [`${NODE_PATHS.pki}/service-accounts.key`]: pki.serviceAccountKeyPem,
    [`${NODE_PATHS.pki}/apiserver-kubelet-client.crt`]: pki.kubeletClient.certPem,
    [`${NODE_PATHS.pki}/apiserver-kubelet-client.key`]: pki.kubeletClient.keyPem,
    [`${NODE_PATHS.config}/server.json`]: `${JSON.stringify(serverConfig(context, node), undefined, 2)}\n`,
  };
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
    nodeMonitorGraceSeconds: 10,
    podEvictionSeconds: 20,
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
