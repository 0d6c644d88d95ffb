import { NODE_MARKER } from '../hosts/facts/facts-script.ts';
import type { Host } from '../hosts/host.ts';
import type { NodeSpec } from './spec/cluster-spec.ts';

/** Lies on every node, and says whose it is: a host that another cluster uses is not taken. */
export interface NodeMarker {
  cluster: string;
  /** When the cluster was made, RFC 3339: two of one name are two clusters. */
  clusterCreatedAt: string;
  node: string;
  /** When this machine took the place of another one, RFC 3339. */
  since?: string | undefined;
}

/** Undefined where there is none. A marker that cannot be read is one of an unknown cluster. */
export const parseMarker = (text: string | undefined): NodeMarker | undefined => {
  if (text === undefined) return undefined;
  try {
    const { cluster, clusterCreatedAt, node, since } = JSON.parse(text) as Partial<NodeMarker>;
    return {
      cluster: cluster ?? 'unknown',
      clusterCreatedAt: clusterCreatedAt ?? 'unknown',
      node: node ?? 'unknown',
      ...(since ? { since } : {}),
    };
  } catch {
    return { cluster: 'unknown', clusterCreatedAt: 'unknown', node: 'unknown' };
  }
};

/** `taken`: of another cluster, or another node of this one. */
export const ownerOf = (found: NodeMarker | undefined, wanted: NodeMarker): 'nobody' | 'us' | 'taken' => {
  if (!found) return 'nobody';
  return found.cluster === wanted.cluster && found.clusterCreatedAt === wanted.clusterCreatedAt && found.node === wanted.node
    ? 'us'
    : 'taken';
};

/** Since when a machine is the node: as the state says, or the machine itself, where another computer's state has seen the later replacement. */
export const sinceOf = (node: Pick<NodeSpec, 'name' | 'since'>, marker: string | undefined): string | undefined => {
  const found = parseMarker(marker);
  return [node.since, found?.node === node.name ? found.since : undefined]
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
};

/** One line, as facts have it. */
export const writeMarker = (host: Host, marker: NodeMarker): Promise<{ changed: boolean }> =>
  host.writeFile(NODE_MARKER, `${JSON.stringify(marker)}\n`, { mode: 0o600 });
