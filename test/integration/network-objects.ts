/** Services and slices as plain lists, for tests that need no API server. */
import type { Stored } from '../../src/api/meta/object.ts';
import type { Service, ServiceSpec } from '../../src/api/types/core-v1.ts';
import type { EndpointSlice } from '../../src/api/types/discovery-v1.ts';

let revision = 100;

export const makeService = (name: string, spec: ServiceSpec, status: Service['status'] = {}): Stored<Service> => ({
  metadata: { namespace: 'default', name, uid: `uid-${name}`, resourceVersion: String(++revision) },
  spec: { ...spec, ...(spec.clusterIP ? { clusterIPs: [spec.clusterIP] } : {}) },
  status,
});

export interface EndpointDraft {
  address: string;
  node: string;
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
  hostname?: string;
  uid?: string;
}

export const makeSlice = (
  service: string,
  ports: { name?: string; port: number; protocol?: string }[],
  endpoints: readonly EndpointDraft[],
): Stored<EndpointSlice> => ({
  metadata: {
    namespace: 'default',
    name: `${service}-abcde`,
    uid: `uid-slice-${service}`,
    resourceVersion: String(++revision),
    labels: { 'kubernetes.io/service-name': service },
  },
  addressType: 'IPv4',
  ports: ports.map((port) => ({ protocol: 'TCP', ...port })),
  endpoints: endpoints.map((draft) => ({
    addresses: [draft.address],
    nodeName: draft.node,
    ...(draft.hostname === undefined ? {} : { hostname: draft.hostname }),
    conditions: { ready: draft.ready ?? true, serving: draft.serving ?? draft.ready ?? true, terminating: draft.terminating ?? false },
    targetRef: { kind: 'Pod', uid: draft.uid ?? draft.address },
  })),
});
