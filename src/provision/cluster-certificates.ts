import type { Host } from '../hosts/host.ts';
import { certificatesIn, readLeaf } from '../pki/leaf-certificate.ts';
import { type ClusterDrivers, openDrivers } from './cluster-drivers.ts';
import { followCluster } from './follow-cluster.ts';
import type { NodeSpec } from './spec/cluster-spec.ts';
import { ClusterStateFolder } from './state/cluster-state.ts';
import { LEAF_NAMES, LEAST_LEFT, leafPaths } from './steps/node-leaves.ts';

export interface CertificateStatus {
  name: string;
  /** Absent for those of this client. */
  node?: string;
  /** RFC 3339. */
  notAfter: string;
  /** Whole days; below zero for one that has ended. */
  daysLeft: number;
  /** `overdue`: less than a tenth of its life is left, though what renews it should have done so. */
  state: 'good' | 'overdue' | 'ended';
}

export interface CertificateReport {
  /** Of this client first, then of the nodes in their order. */
  certificates: CertificateStatus[];
  /** Nodes that could not be asked, with the reason. */
  unknown: { node: string; reason: string }[];
}

/** Throws CLUSTER_UNKNOWN. */
export const certificatesOfCluster = async (name: string): Promise<CertificateReport> => {
  const folder = new ClusterStateFolder(name);
  const { spec, dataDir } = await folder.require();
  await followCluster(name);
  return certificateReport({ folder, drivers: openDrivers(spec, { folder, dataDir }), nodes: spec.nodes });
};

const PATIENCE_MS = 10_000;
const DAY_MS = 86_400_000;

/** When every certificate of a cluster ends: those of this client, and those on its nodes, read over the hosts' own connections. */
export const certificateReport = async (cluster: {
  folder: ClusterStateFolder;
  drivers: ClusterDrivers;
  nodes: readonly NodeSpec[];
}): Promise<CertificateReport> => {
  const { folder, drivers, nodes } = cluster;
  const [own, ...ofNodes] = await Promise.all([certificatesOfClient(folder), ...nodes.map((node) => certificatesOfNode(drivers, node))]);
  return {
    certificates: [...own, ...ofNodes.flatMap((found) => ('certificates' in found ? found.certificates : []))],
    unknown: ofNodes.flatMap((found) => ('reason' in found ? [found] : [])),
  };
};

const certificatesOfClient = async (folder: ClusterStateFolder): Promise<CertificateStatus[]> => {
  const [authorities, admin] = await Promise.all(['ca', 'admin'].map((name) => folder.readFile(`pki/${name}.crt`)));
  return [
    ...certificatesIn(authorities ?? '').map((pem, index, all) =>
      statusOf(all.length > 1 ? `ca (${index + 1} of ${all.length})` : 'ca', pem),
    ),
    ...(admin ? [statusOf('admin', admin)] : []),
  ];
};

const certificatesOfNode = async (
  drivers: ClusterDrivers,
  node: NodeSpec,
): Promise<{ certificates: CertificateStatus[] } | { node: string; reason: string }> => {
  let host: Host | undefined;
  try {
    const machine = await drivers.describe(node);
    if (machine?.state !== 'running') return { node: node.name, reason: machine ? 'its machine is stopped' : 'it has no machine' };
    host = await withinPatience((await drivers.of(node)).connect(machine));
    const there = host;
    const files = await withinPatience(Promise.all(LEAF_NAMES.map((name) => there.readFile(leafPaths(name).certFile))));
    return {
      certificates: LEAF_NAMES.flatMap((name, index) => {
        const pem = files[index]?.toString();
        return pem ? [{ ...statusOf(name, pem), node: node.name }] : [];
      }),
    };
  } catch (error) {
    return { node: node.name, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    await host?.close();
  }
};

const withinPatience = async <T>(work: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};

const statusOf = (name: string, pem: string): CertificateStatus => {
  const { notBefore, notAfter } = readLeaf(pem);
  const left = notAfter.getTime() - Date.now();
  const state = left <= 0 ? 'ended' : left < (notAfter.getTime() - notBefore.getTime()) * LEAST_LEFT ? 'overdue' : 'good';
  return { name, notAfter: notAfter.toISOString(), daysLeft: Math.floor(left / DAY_MS), state };
};
