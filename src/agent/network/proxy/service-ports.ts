import type { Stored } from '../../../api/meta/object.ts';
import type { Service } from '../../../api/types/core-v1.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** One port of one Service with everything that the proxy needs to know; IPv4 only. */
export interface ServicePortInfo {
  /** `namespace/name/tcp/80`: unique, and usable in names of chains. */
  key: string;
  /** Joins it to the ports of EndpointSlices. */
  name: string;
  protocol: Protocol;
  port: number;
  clusterIp: string;
  /** External addresses: `spec.externalIPs` and those of the load balancer that are not proxied by it. */
  externalIps: readonly string[];
  loadBalancerIps: readonly string[];
  nodePort: number | undefined;
  affinitySeconds: number | undefined;
  externalLocal: boolean;
  internalLocal: boolean;
  /** Who may use the load balancer's addresses; empty for everyone. */
  sourceRanges: readonly string[];
}

const DEFAULT_AFFINITY_SECONDS = 10_800;

/** The ports that need rules: none for headless Services, ExternalName, and those that another proxy serves. */
export const servicePortsOf = (service: Stored<Service>): ServicePortInfo[] => {
  const { spec, metadata, status } = service;
  if (!spec || spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None' || !isIpv4(spec.clusterIP)) return [];
  if (metadata.labels?.['service.kubernetes.io/service-proxy-name'] !== undefined) return [];
  const clusterIp = spec.clusterIP;
  const loadBalancerIps =
    spec.type === 'LoadBalancer'
      ? (status?.loadBalancer?.ingress ?? [])
          .filter((ingress) => ingress.ip !== undefined && isIpv4(ingress.ip) && ingress.ipMode !== 'Proxy')
          .map((ingress) => ingress.ip as string)
      : [];
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  return (spec.ports ?? []).map((port) => {
    const protocol = (port.protocol ?? 'TCP') as Protocol;
    return {
      key: `${metadata.namespace}/${metadata.name}/${protocol.toLowerCase()}/${port.port}`,
      name: port.name ?? '',
      protocol,
      port: port.port,
      clusterIp,
      externalIps: (spec.externalIPs ?? []).filter(isIpv4),
      loadBalancerIps,
      nodePort: external && port.nodePort ? port.nodePort : undefined,
      affinitySeconds:
        spec.sessionAffinity === 'ClientIP'
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
          : undefined,
      externalLocal: spec.externalTrafficPolicy === 'Local',
      internalLocal: spec.internalTrafficPolicy === 'Local',
      sourceRanges: (spec.loadBalancerSourceRanges ?? [])
        .map((range) => range.trim())
        .filter((range) => range !== '' && !range.includes(':')),
    };
  });
};

const isIpv4 = (address: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(address);
