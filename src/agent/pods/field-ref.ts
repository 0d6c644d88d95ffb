import type { Stored } from '../../api/meta/object.ts';
import type { Container, Pod, ResourceFieldSelector } from '../../api/types/core-v1.ts';
import { bytes, milliCpu } from './amounts.ts';

export interface NodeFacts {
  nodeName: string;
  hostIPs: readonly string[];
  /** What pods may use of the node: the value of a limit that is not set. */
  allocatable: { cpuMillis: number; memoryBytes: number; ephemeralBytes: number };
}

/** The text of a downward API field: `metadata.labels['app']`, `status.podIP`. Throws on a field that it does not know. */
export const fieldText = (pod: Stored<Pod>, fieldPath: string, node: NodeFacts, podIPs: readonly string[]): string => {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (subscript) return metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2] as string] ?? '';
  switch (fieldPath) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return mapText(metadata.labels);
    case 'metadata.annotations':
      return mapText(metadata.annotations);
    case 'spec.nodeName':
      return spec?.nodeName ?? node.nodeName;
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return node.hostIPs[0] ?? '';
    case 'status.hostIPs':
      return node.hostIPs.join(',');
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${fieldPath}`);
  }
};

/** `key="value"` lines in the order of the keys, as the downward API writes maps. */
const mapText = (map: Record<string, string> | undefined): string =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');

/** A container's request or limit in units of the divisor, rounded up; an unset limit is what the node has. */
export const resourceText = (container: Container, { resource, divisor }: ResourceFieldSelector, node: NodeFacts): string => {
  const [kind = '', name = ''] = resource.split(/\.(.*)/s);
  const { requests, limits } = container.resources ?? {};
  const isCpu = name === 'cpu';
  const read = isCpu ? milliCpu : bytes;
  const fallback = isCpu ? node.allocatable.cpuMillis : name === 'memory' ? node.allocatable.memoryBytes : node.allocatable.ephemeralBytes;
  const stated = kind === 'limits' ? limits?.[name] : (requests?.[name] ?? undefined);
  const isHugePages = name.startsWith('hugepages-');
  if (kind !== 'limits' && kind !== 'requests') throw new Error(`unsupported container resource : ${resource}`);
  const value = stated !== undefined ? read(stated) : kind === 'limits' && !isHugePages ? fallback : 0;
  const unit = divisor === undefined || String(divisor) === '0' ? (isCpu ? 1000 : 1) : read(divisor);
  return String(Math.ceil(value / Math.max(1, unit)));
};
