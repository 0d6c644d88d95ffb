import type { Stored } from '../../api/meta/object.ts';
import type { Node, Pod, Service, ServicePort } from '../../api/types/core-v1.ts';
import type { Endpoint, EndpointPort } from '../../api/types/discovery-v1.ts';
import { isPodFinished, isPodReady } from '../pods.ts';

/** Whether a pod can be behind a Service at all: it has an address and has not ended. */
export const hasEndpoint = (pod: Stored<Pod>): boolean => !isPodFinished(pod) && Boolean(pod.status?.podIP || pod.status?.podIPs?.length);

export const isHeadless = (service: Service): boolean => !service.spec?.clusterIP || service.spec.clusterIP === 'None';

/** The number that a Service's port means on this pod; undefined when the pod has no port of that name. */
export const targetPort = (pod: Pod, port: ServicePort): number | undefined => {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target || port.port;
  if (target === '') return port.port;
  const restartable = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...restartable])
    for (const candidate of container.ports ?? [])
      if (candidate.name === target && (candidate.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return candidate.containerPort;
  return undefined;
};

export const slicePorts = (service: Service, pod: Pod): EndpointPort[] =>
  (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(pod, port);
    if (number === undefined) return [];
    return [
      {
        name: port.name ?? '',
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      },
    ];
  });

export const addressesOf = (pod: Pod, family: 'IPv4' | 'IPv6'): string[] => {
  const all = pod.status?.podIPs?.map(({ ip }) => ip) ?? (pod.status?.podIP ? [pod.status.podIP] : []);
  return all.filter((ip) => ip.includes(':') === (family === 'IPv6')).slice(0, 1);
};

export const hasHostname = (pod: Stored<Pod>, service: Stored<Service>): boolean =>
  Boolean(pod.spec?.hostname) && pod.spec?.subdomain === service.metadata.name;

export const endpointOf = (
  pod: Stored<Pod>,
  service: Stored<Service>,
  node: Stored<Node> | undefined,
  addresses: readonly string[],
): Endpoint => {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const hints = hintsOf(service, zone, pod.spec?.nodeName);
  return {
    addresses: [...addresses],
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hasHostname(pod, service) ? { hostname: pod.spec?.hostname } : {}),
    ...(hints && ready ? { hints } : {}),
  };
};

const hintsOf = (service: Service, zone: string | undefined, nodeName: string | undefined): Endpoint['hints'] => {
  const preference = service.spec?.trafficDistribution;
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  if ((preference === 'PreferClose' || preference === 'PreferSameZone') && zone) return forZones;
  if (preference === 'PreferSameNode' && nodeName) return { ...forZones, forNodes: [{ name: nodeName }] };
  return undefined;
};
