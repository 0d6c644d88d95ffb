import { service } from '../../api/core/service.ts';
import { endpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { badRequest, notFound, statusError } from '../../api/meta/status.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { RequestContext } from '../http/request-handler.ts';
import type { WatchCache } from '../watch/watch-cache.ts';
import { agentAddress, containerOf, podNamed } from './pod-location.ts';

/** Where a proxied request goes. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** `agent`: TLS with our client certificate. `https` trusts whoever answers, as upstream does for pods and services. */
  readonly how: 'agent' | 'http' | 'https';
  /** The answer is empty: a log of a pod that no node has yet. */
  readonly empty?: boolean;
}

/** `group/plural/subresource` to the function that finds where its requests go. */
export const createTargets = (cache: WatchCache): Readonly<Record<string, (context: RequestContext) => Promise<ProxyTarget>>> => {
  const toContainer = (verb: 'exec' | 'attach') => async (context: RequestContext) => {
    const { info, query } = context;
    const found = await podNamed(cache, info.namespace, info.name);
    const container = containerOf(found, query.get('container') ?? '');
    if (verb === 'exec' && query.getAll('command').length === 0)
      throw badRequest('you must specify at least one command for the container');
    const address = await agentAddress(cache, nodeOf(found));
    return {
      ...address,
      how: 'agent' as const,
      path: `/${verb}/${info.namespace}/${info.name}/${container}${search(query, ['container'])}`,
    };
  };
  return {
    '/pods/exec': toContainer('exec'),
    '/pods/attach': toContainer('attach'),
    '/pods/portforward': async ({ info, query }) => {
      const found = await podNamed(cache, info.namespace, info.name);
      return {
        ...(await agentAddress(cache, nodeOf(found))),
        how: 'agent',
        path: `/portForward/${info.namespace}/${info.name}${search(query, [])}`,
      };
    },
    '/pods/log': async ({ info, query }) => {
      const found = await podNamed(cache, info.namespace, info.name);
      const container = containerOf(found, query.get('container') ?? '');
      checkLogOptions(query);
      if (!found.spec?.nodeName) return { host: '', port: 0, path: '', how: 'agent', empty: true };
      const address = await agentAddress(cache, found.spec.nodeName);
      return {
        ...address,
        how: 'agent',
        path: `/containerLogs/${info.namespace}/${info.name}/${container}${search(query, ['container'])}`,
      };
    },
    '/nodes/proxy': async ({ info, query }) => {
      const { name } = splitName(info.name);
      return { ...(await agentAddress(cache, name)), how: 'agent', path: `${info.tail || '/'}${search(query, [])}` };
    },
    '/pods/proxy': async ({ info, query }) => {
      const { scheme, name, port } = splitName(info.name);
      const found = await podNamed(cache, info.namespace, name);
      const host = found.status?.podIP;
      if (!host) throw badRequest('address not allowed');
      const named = found.spec?.containers.flatMap((one) => one.ports ?? []);
      const number = port === '' ? (named?.[0]?.containerPort ?? 80) : portNumber(port, named);
      return { host, port: number, how: scheme, path: `${info.tail || '/'}${search(query, [])}` };
    },
    '/services/proxy': async ({ info, query }) => {
      const { scheme, name, port } = splitName(info.name);
      const found = await serviceEndpoint(cache, { namespace: info.namespace, name, port });
      return { ...found, how: scheme, path: `${info.tail || '/'}${search(query, [])}` };
    },
  };
};

const nodeOf = (found: KubeObject & { spec?: { nodeName?: string } }): string => {
  const name = found.spec?.nodeName;
  if (!name) throw badRequest(`pod ${found.metadata.name} does not have a host assigned`);
  return name;
};

const search = (query: RequestContext['query'], without: readonly string[]): string => {
  const text = query.toString();
  if (text === '') return '';
  const left = new URLSearchParams(text);
  for (const name of without) left.delete(name);
  const rest = left.toString();
  return rest ? `?${rest}` : '';
};

/** `name`, `name:port`, `https:name:port`, `https:name:`. */
const splitName = (text: string): { scheme: 'http' | 'https'; name: string; port: string } => {
  const parts = text.split(':');
  if (parts.length === 3) {
    if (parts[0] !== 'http' && parts[0] !== 'https' && parts[0] !== '') throw badRequest(`invalid service request ${JSON.stringify(text)}`);
    return { scheme: parts[0] === 'https' ? 'https' : 'http', name: parts[1] as string, port: parts[2] as string };
  }
  if (parts.length > 3) throw badRequest(`invalid pod request ${JSON.stringify(text)}`);
  return { scheme: 'http', name: parts[0] as string, port: parts[1] ?? '' };
};

const portNumber = (text: string, named: readonly { name?: string; containerPort: number }[] | undefined): number => {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  const found = named?.find((one) => one.name === text);
  if (!found) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return found.containerPort;
};

/** Some ready endpoint of a Service. Throws 404 or 503. */
export const serviceEndpoint = async (
  cache: WatchCache,
  wanted: { namespace: string; name: string; port: string },
): Promise<{ host: string; port: number }> => {
  const item = await cache.resource(service).get({ namespace: wanted.namespace, name: wanted.name });
  if (!item) throw notFound(service, wanted.name);
  const { spec } = item.object as KubeObject & Service;
  const ports = spec?.ports ?? [];
  const port =
    wanted.port === ''
      ? ports.length === 1
        ? ports[0]
        : undefined
      : ports.find((one) => one.name === wanted.port || String(one.port) === wanted.port);
  const slices = await cache.resource(endpointSlice).list({
    namespace: wanted.namespace,
    labels: {
      matches: (labels) => labels['kubernetes.io/service-name'] === wanted.name,
      equals: [{ key: 'kubernetes.io/service-name', values: [wanted.name] }],
    },
  });
  const found: { host: string; port: number }[] = [];
  for (const slice of slices.items) {
    const object = slice.object as KubeObject & EndpointSlice;
    const slicePort = object.ports?.find((one) => (one.name ?? '') === (port?.name ?? ''));
    if (!slicePort?.port) continue;
    for (const endpoint of object.endpoints ?? [])
      if (endpoint.conditions?.ready !== false && endpoint.addresses[0]) found.push({ host: endpoint.addresses[0], port: slicePort.port });
  }
  const chosen = found[Math.floor(Math.random() * found.length)];
  if (!port || !chosen) throw statusError(503, 'ServiceUnavailable', `no endpoints available for service ${JSON.stringify(wanted.name)}`);
  return chosen;
};

const checkLogOptions = (query: RequestContext['query']): void => {
  for (const name of ['tailLines', 'limitBytes', 'sinceSeconds']) {
    const value = query.get(name);
    if (value !== null && !/^-?\d+$/.test(value)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
};
