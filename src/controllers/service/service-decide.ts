import type { Stored } from '../../api/meta/object.ts';
import type { Node, Service } from '../../api/types/core-v1.ts';
import type { BalancerSpec } from '../cloud.ts';

export const CLEANUP_FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';
const GOING = 'ToBeDeletedByClusterAutoscaler';
const HEALTH_PATH = '/healthz';

/** A class names another controller, which is then responsible. */
export const wantsBalancer = (service: Stored<Service>): boolean =>
  service.spec?.type === 'LoadBalancer' && !service.spec.loadBalancerClass && !service.metadata.deletionTimestamp;

export const hasFinalizer = (service: Stored<Service>): boolean => service.metadata.finalizers?.includes(CLEANUP_FINALIZER) ?? false;

/** As upstream names balancers: it begins with a letter and has no hyphens. */
export const balancerId = (uid: string): string => `a${uid.replaceAll('-', '')}`.slice(0, 32);

/** What the cloud is asked for; a problem, in a sentence, where it cannot be asked. */
export const balancerSpec = (service: Stored<Service>, nodes: readonly Stored<Node>[]): BalancerSpec | { problem: string } => {
  const { spec, metadata } = service;
  const ports = spec?.ports ?? [];
  const first = ports[0];
  if (!first?.nodePort) return { problem: 'the Service has no node ports, which a balancer needs' };
  const local = spec?.externalTrafficPolicy === 'Local' && spec.healthCheckNodePort;
  return {
    id: balancerId(metadata.uid ?? ''),
    service: `${metadata.namespace}/${metadata.name}`,
    annotations: metadata.annotations ?? {},
    ports: ports.map(({ name = '', protocol, port, nodePort = 0 }) => ({
      name,
      protocol: protocol === 'UDP' ? 'UDP' : 'TCP',
      port,
      nodePort,
    })),
    sourceRanges: (spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim()),
    healthCheck: local
      ? { protocol: 'HTTP', port: spec.healthCheckNodePort as number, path: HEALTH_PATH }
      : { protocol: 'TCP', port: ports.find(({ protocol }) => protocol !== 'UDP')?.nodePort ?? first.nodePort },
    nodes: nodes
      .filter(takesTraffic)
      .map(({ metadata: { name = '' }, spec: nodeSpec }) => ({ name, providerId: nodeSpec?.providerID ?? '' }))
      .sort((a, b) => a.name.localeCompare(b.name)),
  };
};

/** A node that is not ready stays: the balancer's own health checks know better, and sooner. */
const takesTraffic = (node: Stored<Node>): boolean =>
  Boolean(node.spec?.providerID) &&
  !node.metadata.deletionTimestamp &&
  node.metadata.labels?.[EXCLUDED] === undefined &&
  !node.spec?.taints?.some((taint) => taint.key === GOING);
