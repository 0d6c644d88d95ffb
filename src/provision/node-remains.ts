import type { AgentConfig } from '../api/config/agent-config.ts';
import type { ServerConfig } from '../api/config/server-config.ts';
import { quantityValue } from '../api/meta/quantity.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { Machine } from '../drivers/driver.ts';
import { factsOf } from '../hosts/facts/host-facts.ts';
import type { Host } from '../hosts/host.ts';
import { type NodeMarker, parseMarker } from './node-marker.ts';
import { type ClusterSpec, DEFAULT_NETWORK, type NodeSpec } from './spec/cluster-spec.ts';
import { DEFAULT_POOL } from './spec/node-names.ts';
import { NODE_PATHS } from './spec/node-paths.ts';

/** What a node itself knows of its cluster: all that is needed when the client's state is lost. */
export interface NodeRemains {
  driver: string;
  machine: Machine;
  /** For the driver, as they were given. */
  settings: Readonly<Record<string, unknown>>;
  agent: AgentConfig;
  /** Whose it is, with the time at which the cluster was made. Nodes of earlier versions have none. */
  marker: NodeMarker | undefined;
  /** Of a node that carries the control plane. */
  server: ServerConfig | undefined;
  /** Names in the cluster's folder -> text. */
  pki: Readonly<Record<string, string>>;
}

/** The cluster's authority and the key of its tokens, which a control-plane node has. Certificates of nodes stay where they are. */
const AUTHORITY = ['ca.crt', 'ca.key', 'service-accounts.key'];

/** Reads a node. Throws NODE_UNKNOWN for a machine that is none of this cluster. */
export const readRemains = async (host: Host, cluster: string): Promise<Pick<NodeRemains, 'agent' | 'marker' | 'server' | 'pki'>> => {
  const read = async (path: string): Promise<string | undefined> => (await host.readFile(path))?.toString('utf8');
  const [agentText, serverText] = await Promise.all([read(`${NODE_PATHS.config}/agent.json`), read(`${NODE_PATHS.config}/server.json`)]);
  const agent = agentText === undefined ? undefined : (JSON.parse(agentText) as AgentConfig);
  if (agent?.clusterName !== cluster)
    throw new SlipwayError('NODE_UNKNOWN', {
      tried: `adopt ${host.name} as a node of ${cluster}`,
      cause: agent ? `it is a node of the cluster ${agent.clusterName}` : 'it is no node: nothing of Slipway is installed on it',
    });
  const pki: Record<string, string> = {};
  for (const name of serverText === undefined ? [] : AUTHORITY) {
    const text = await read(`${NODE_PATHS.pki}/${name}`);
    if (text) pki[name] = text;
  }
  const marker = parseMarker((await factsOf(host)).marker);
  return { agent, marker, server: serverText === undefined ? undefined : (JSON.parse(serverText) as ServerConfig), pki };
};

const CONTROL_PLANE_TAINT = 'node-role.kubernetes.io/control-plane=:NoSchedule';

/** The cluster that these nodes were. Throws CLUSTER_UNKNOWN without any, or without the one that has its authority. */
export const specOfRemains = (
  stub: Pick<ClusterSpec, 'name' | 'driver' | 'driverSettings'>,
  remains: readonly NodeRemains[],
): ClusterSpec => {
  const first = remains.find(({ server }) => server);
  if (!first?.server)
    throw new SlipwayError('CLUSTER_UNKNOWN', {
      tried: `adopt the cluster ${stub.name}`,
      cause: remains.length
        ? `${remains.map(({ machine }) => machine.name).join(', ')} are nodes of it, but none carries the control plane, which has the cluster's authority`
        : `the driver ${stub.driver} finds no machine of that name`,
      advice: [`slipway adopt ${stub.name} --driver local`, `slipway adopt ${stub.name} --host root@192.0.2.11 --host root@192.0.2.12`],
    });
  const { serviceCidr, podCidr, nodeCidrMaskSize, nodePortRange, clusterDomain, certificateSeconds } = first.server;
  return {
    ...stub,
    nodes: remains.map((one) => nodeOf(stub.name, one)).sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true })),
    dedicatedControlPlanes: first.agent.taints.includes(CONTROL_PLANE_TAINT),
    network: {
      ...DEFAULT_NETWORK,
      serviceCidr,
      podCidr,
      nodeCidrMaskSize,
      nodePortRange,
      clusterDomain,
      clusterDns: first.agent.clusterDns,
    },
    ...(certificateSeconds ? { certificateSeconds } : {}),
  };
};

const nodeOf = (cluster: string, { driver, agent, server, settings }: NodeRemains): NodeSpec => ({
  name: agent.nodeName,
  pool: new RegExp(`^${cluster}-([a-z][a-z0-9-]*)-\\d+$`).exec(agent.nodeName)?.[1] ?? DEFAULT_POOL,
  driver,
  controlPlane: server !== undefined,
  ...(agent.nodeSince ? { since: agent.nodeSince } : {}),
  ...(agent.capacity?.cpu ? { cpus: Number(agent.capacity.cpu) } : {}),
  ...(agent.capacity?.memory ? { memoryMiB: Math.round(quantityValue(agent.capacity.memory) / 2 ** 20) } : {}),
  labels: { ...agent.labels },
  taints: agent.taints.filter((taint) => taint !== CONTROL_PLANE_TAINT),
  settings: { ...settings },
});
