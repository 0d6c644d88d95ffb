import { endpoints as endpointsKind } from '../../api/core/endpoints.ts';
import { service as services } from '../../api/core/service.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import type { EndpointSubset, Endpoints, Service } from '../../api/types/core-v1.ts';
import { type Controller, type ControllerContext, type Reconciler, watchOf } from '../controller.ts';
import { type EndpointGroup, groupEndpoints, planSlices, type SliceMeta } from '../endpointslice/slice-plan.ts';
import { MANAGED_BY, SERVICE_NAME, SliceWriter } from '../endpointslice/slice-writer.ts';
import { controllerRefTo } from '../pods.ts';

/** Endpoints that people write by hand, for Services without a selector, are copied into slices: proxies read only those. */
export const endpointSliceMirroringController: Controller = {
  name: 'endpointslicemirroring',
  serviceAccount: 'endpointslicemirroring-controller',
  build: (context) => {
    const all = context.informers.of<Endpoints>(endpointsKind);
    const allServices = context.informers.of<Service>(services);
    const writer = new SliceWriter(context, MANAGER);
    return {
      watches: [watchOf(all, (endpoints) => [keyOf(endpoints)]), watchOf(allServices, (service) => [keyOf(service)]), writer.watch],
      sync: syncWith(context, writer),
    };
  },
};

const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const MAX_PER_SUBSET = 1000;
const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'endpoints.kubernetes.io/last-change-trigger-time',
  'endpoints.kubernetes.io/over-capacity',
]);

const syncWith = (context: ControllerContext, writer: SliceWriter): Reconciler['sync'] => {
  const all = context.informers.of<Endpoints>(endpointsKind);
  const allServices = context.informers.of<Service>(services);
  return async (key) => {
    const endpoints = all.get(key);
    const existing = writer.existing(key);
    if (!existing) return undefined;
    const service = allServices.get(key);
    const isMirrored = endpoints && service && mayMirror(endpoints) && !service.spec?.selector;
    const meta = endpoints ? metaOf(endpoints) : { labels: {} };
    const groups = isMirrored ? groupsOf(endpoints) : [];
    if (groups.length === 0 && existing.length === 0) return undefined;
    await writer.write(key, planSlices(groups, existing, meta), {
      namespace: endpoints?.metadata.namespace ?? '',
      prefix: endpoints?.metadata.name ?? '',
      owner: controllerRefTo(endpointsKind, endpoints ?? { metadata: {} }),
      meta,
    });
    return undefined;
  };
};

const mayMirror = (endpoints: Stored<Endpoints>): boolean =>
  endpoints.metadata.labels?.['endpointslice.kubernetes.io/skip-mirror'] !== 'true' &&
  !endpoints.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'];

const groupsOf = (endpoints: Stored<Endpoints>): EndpointGroup[] =>
  (['IPv4', 'IPv6'] as const).flatMap((family) => {
    const entries = (endpoints.subsets ?? []).flatMap((subset) => entriesOf(subset, family));
    return entries.length > 0 ? groupEndpoints(family, entries) : [];
  });

const entriesOf = (subset: EndpointSubset, family: 'IPv4' | 'IPv6'): Parameters<typeof groupEndpoints>[1][number][] => {
  const ports = (subset.ports ?? []).map((port) => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' }));
  const of = (addresses: EndpointSubset['addresses'], ready: boolean): ReturnType<typeof entriesOf> =>
    (addresses ?? [])
      .filter((address) => address.ip.includes(':') === (family === 'IPv6'))
      .map((address) => ({
        ports,
        endpoint: {
          addresses: [address.ip],
          conditions: { ready },
          ...(address.hostname ? { hostname: address.hostname } : {}),
          ...(address.nodeName ? { nodeName: address.nodeName } : {}),
          ...(address.targetRef ? { targetRef: address.targetRef } : {}),
        },
      }));
  return [...of(subset.addresses, true), ...of(subset.notReadyAddresses, false)].slice(0, MAX_PER_SUBSET);
};

const metaOf = (endpoints: Stored<Endpoints>): SliceMeta => {
  const annotations = Object.fromEntries(Object.entries(endpoints.metadata.annotations ?? {}).filter(([name]) => !NOT_COPIED.has(name)));
  return {
    labels: { ...endpoints.metadata.labels, [SERVICE_NAME]: endpoints.metadata.name ?? '', [MANAGED_BY]: MANAGER },
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
};
