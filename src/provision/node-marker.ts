import { dirname } from 'node:path/posix';
import { SlipwayError } from '../base/errors/slipway-error.ts';
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

/**
 * Marks a host as the node. `owner`: whose it was when it was looked at; one that was nobody's is marked only if it still is, so that of two who
 * looked at the same time (two nodes that are one host under two names, two clusters) one is refused. Throws HOST_TAKEN.
 */
export const markHost = async (
  host: Host,
  marker: NodeMarker,
  { owner, ...told }: { owner: ReturnType<typeof ownerOf>; target: string; command: string },
): Promise<{ changed: boolean }> => {
  const text = `${JSON.stringify(marker)}\n`;
  if (owner === 'us') return host.writeFile(NODE_MARKER, text, { mode: 0o600 });
  const { stdout } = await host.run(['sh', '-c', MARK], { input: text });
  const found = parseMarker(stdout.trim() || undefined);
  if (found && ownerOf(found, marker) === 'taken') throw hostTaken(host.name, { found, wanted: marker, ...told });
  return { changed: found === undefined };
};

/** `target`: the host as it is typed; `command`: what was typed. */
export const hostTaken = (
  host: string,
  { found, wanted, target, command }: { found: NodeMarker; wanted: NodeMarker; target: string; command: string },
): SlipwayError => {
  const { cluster, clusterCreatedAt, node } = found;
  const isOurs = cluster === wanted.cluster && clusterCreatedAt === wanted.clusterCreatedAt;
  return new SlipwayError('HOST_TAKEN', {
    tried: `use ${host} as a node`,
    cause: isOurs
      ? `it is ${node} of this cluster: one host, under two names, cannot be two nodes`
      : `it is ${node} of the cluster ${cluster}, which was made at ${clusterCreatedAt}`,
    advice: isOurs
      ? [`slipway node list --cluster ${cluster}`, `${command}   # with another host`]
      : [`slipway down ${cluster}`, `slipway node reset ${target}`, `${command} --force   # takes it over, with what runs on it`],
  });
};

/** One line, as facts have it. A link is made only where there is nothing of its name, and with the whole content; else what is there is said. */
const MARK = `umask 077
mkdir -p ${dirname(NODE_MARKER)} && new=$(mktemp ${NODE_MARKER}.XXXXXX) && cat > "$new" || exit
if ! ln "$new" ${NODE_MARKER} 2> /dev/null; then cat ${NODE_MARKER}; fi
status=$?; rm -f "$new"; exit $status`;
