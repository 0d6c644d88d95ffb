import { VERSION_ANNOTATION } from '../api/config/agent-config.ts';
import { node as nodes } from '../api/core/node.ts';
import type { Stored } from '../api/meta/object.ts';
import type { Node } from '../api/types/core-v1.ts';
import { type CertificateStatus, certificateReport } from './cluster-certificates.ts';
import { openDrivers } from './cluster-drivers.ts';
import { followCluster } from './follow-cluster.ts';
import { openClient } from './open-client.ts';
import { type ClusterState, ClusterStateFolder } from './state/cluster-state.ts';

export interface ClusterStatus {
  name: string;
  driver: string;
  phase: ClusterState['phase'];
  createdAt: string;
  /** Of Slipway's programs in it, as the last upgrade left them. */
  version?: string;
  /** One that has begun and not ended. */
  upgrade?: { from: string; to: string };
  api: { server: string; answers: boolean; reason?: string };
  nodes: NodeStatus[];
  certificates: CertificateStatus[];
}

export interface NodeStatus {
  name: string;
  address: string;
  machine: 'running' | 'stopped' | 'absent';
  controlPlane: boolean;
  driver: string;
  pool: string;
  /** Undefined when the API does not answer or has no such node, and so the rest. */
  ready?: boolean;
  /** Of Slipway's programs there. */
  version?: string;
  /** RFC 3339. */
  createdAt?: string;
}

/** How a cluster is, asked of its machines and of its API. Throws CLUSTER_UNKNOWN. */
export const clusterStatus = async (name: string): Promise<ClusterStatus> => {
  const folder = new ClusterStateFolder(name);
  await folder.require();
  await followCluster(name);
  const state = await folder.require();
  const drivers = openDrivers(state.spec, { folder, dataDir: state.dataDir });
  const [machines, api, certificates] = await Promise.all([
    drivers.list(),
    askApi(folder),
    certificateReport({ folder, drivers, nodes: state.spec.nodes }),
  ]);
  return {
    name,
    driver: state.spec.driver,
    phase: state.phase,
    createdAt: state.createdAt,
    ...(state.programVersion ? { version: state.programVersion } : {}),
    ...(state.upgrade ? { upgrade: { from: state.upgrade.from, to: state.upgrade.to } } : {}),
    api: api.answer,
    nodes: state.spec.nodes.map((node) => {
      const machine = machines.find((candidate) => candidate.machine.name === node.name)?.machine;
      const known = api.nodes.get(node.name);
      return {
        name: node.name,
        address: machine?.address ?? state.addresses[node.name] ?? '',
        machine: machine?.state ?? 'absent',
        controlPlane: node.controlPlane,
        driver: node.driver,
        pool: node.pool,
        ...(known ? factsOf(known) : {}),
      };
    }),
    certificates: certificates.certificates,
  };
};

const factsOf = ({ metadata, status }: Stored<Node>): Pick<NodeStatus, 'ready' | 'version' | 'createdAt'> => {
  const version = metadata.annotations?.[VERSION_ANNOTATION];
  return {
    ready: status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false,
    ...(version ? { version } : {}),
    ...(metadata.creationTimestamp ? { createdAt: metadata.creationTimestamp } : {}),
  };
};

const askApi = async (folder: ClusterStateFolder): Promise<{ answer: ClusterStatus['api']; nodes: Map<string, Stored<Node>> }> => {
  let server = '';
  let close = async (): Promise<void> => {};
  try {
    const opened = await openClient(folder);
    ({ server, close } = opened);
    const { items } = await opened.client.list<Stored<Node>>(nodes, { signal: AbortSignal.timeout(5000) });
    return { answer: { server, answers: true }, nodes: new Map(items.map((node) => [node.metadata.name ?? '', node])) };
  } catch (error) {
    return { answer: { server, answers: false, reason: error instanceof Error ? error.message : String(error) }, nodes: new Map() };
  } finally {
    await close();
  }
};
