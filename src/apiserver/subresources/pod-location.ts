import { node } from '../../api/core/node.ts';
import { pod } from '../../api/core/pod.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { badRequest, notFound, statusError } from '../../api/meta/status.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { WatchCache } from '../watch/watch-cache.ts';

export interface AgentAddress {
  readonly host: string;
  readonly port: number;
}

const AGENT_PORT = 10250;
const ADDRESS_ORDER = ['InternalIP', 'ExternalIP', 'Hostname'];

type PodObject = KubeObject & Pod;

/** Throws 404. */
export const podNamed = async (cache: WatchCache, namespace: string, name: string): Promise<PodObject> => {
  const item = await cache.resource(pod).get({ namespace, name });
  if (!item) throw notFound(pod, name);
  return item.object as PodObject;
};

/** Where the agent of a node listens. Throws 404 for an unknown node, 503 for one without an address. */
export const agentAddress = async (cache: WatchCache, nodeName: string): Promise<AgentAddress> => {
  const item = await cache.resource(node).get({ name: nodeName });
  if (!item) throw notFound(node, nodeName);
  const { status } = item.object as KubeObject & Node;
  for (const type of ADDRESS_ORDER) {
    const found = status?.addresses?.find((address) => address.type === type);
    if (found) {
      const port = (status?.daemonEndpoints?.kubeletEndpoint as { Port?: number } | undefined)?.Port || AGENT_PORT;
      return { host: found.address, port };
    }
  }
  throw statusError(503, 'ServiceUnavailable', `no preferred addresses found; known addresses: []`);
};

/** The container that a request means. Throws 400 in upstream's words. */
export const containerOf = (of: PodObject, asked: string): string => {
  const name = of.metadata.name ?? '';
  const containers = (of.spec?.containers ?? []).map((one) => one.name);
  const init = (of.spec?.initContainers ?? []).map((one) => one.name);
  const ephemeral = (of.spec?.ephemeralContainers ?? []).map((one) => one.name);
  if (asked === '') {
    if (containers.length === 1) return containers[0] as string;
    const annotated = of.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
    if (annotated && containers.includes(annotated)) return annotated;
    let message = `a container name must be specified for pod ${name}, choose one of: [${containers.join(' ')}]`;
    if (init.length) message += ` or one of the init containers: [${init.join(' ')}]`;
    if (ephemeral.length) message += ` or one of the ephemeral containers: [${ephemeral.join(' ')}]`;
    throw badRequest(message);
  }
  if (![...containers, ...init, ...ephemeral].includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${name}`);
  return asked;
};
