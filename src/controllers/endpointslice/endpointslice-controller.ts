import { node as nodes } from '../../api/core/node.ts';
import { service as services } from '../../api/core/service.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Node, Service } from '../../api/types/core-v1.ts';
import type { Controller, ControllerContext, Reconciler } from '../controller.ts';
import { controllerRefTo } from '../pods.ts';
import { hasSelector, ServicePods } from '../service-pods.ts';
import { addressesOf, endpointOf, hasEndpoint, isHeadless, slicePorts } from './endpoints-of-service.ts';
import { groupEndpoints, planSlices, type SliceMeta } from './slice-plan.ts';
import { MANAGED_BY, SERVICE_NAME, SliceWriter } from './slice-writer.ts';

/** Publishes which pods are behind each Service that has a selector. */
export const endpointSliceController: Controller = {
  name: 'endpointslice',
  serviceAccount: 'endpointslice-controller',
  build: (context) => {
    const servicePods = new ServicePods(context);
    const writer = new SliceWriter(context, MANAGER);
    return {
      watches: [servicePods.watch, writer.watch],
      sync: syncWith(context, servicePods, writer),
    };
  },
};

const MANAGER = 'endpointslice-controller.k8s.io';

const syncWith = (context: ControllerContext, servicePods: ServicePods, writer: SliceWriter): Reconciler['sync'] => {
  const allNodes = context.informers.of<Node>(nodes);
  return async (key) => {
    const service = servicePods.services.get(key);
    // The slices of a deleted Service are its dependents, and go with it.
    if (!service || service.metadata.deletionTimestamp || !hasSelector(service)) return undefined;
    const existing = writer.existing(key);
    if (!existing) return undefined;
    const pods = servicePods.podsOf(service).filter(hasEndpoint);
    const groups = familiesOf(service).flatMap((family) =>
      groupEndpoints(
        family,
        pods.flatMap((pod) => {
          const addresses = addressesOf(pod, family);
          const ports = slicePorts(service, pod);
          if (addresses.length === 0) return [];
          return [{ ports, endpoint: endpointOf(pod, service, allNodes.get(pod.spec?.nodeName ?? ''), addresses) }];
        }),
      ),
    );
    const meta = metaOf(service);
    await writer.write(key, planSlices(groups, existing, meta), {
      namespace: service.metadata.namespace ?? '',
      prefix: service.metadata.name ?? '',
      owner: controllerRefTo(services, service),
      meta,
    });
    return undefined;
  };
};

const familiesOf = (service: Service): ('IPv4' | 'IPv6')[] => {
  const families = (service.spec?.ipFamilies ?? []) as ('IPv4' | 'IPv6')[];
  return families.length > 0 ? families : [service.spec?.clusterIP?.includes(':') ? 'IPv6' : 'IPv4'];
};

const metaOf = (service: Stored<Service>): SliceMeta => {
  const own = Object.entries(service.metadata.labels ?? {}).filter(([name]) => !RESERVED.has(name));
  return {
    labels: {
      ...Object.fromEntries(own),
      ...(isHeadless(service) ? { [HEADLESS]: '' } : {}),
      [SERVICE_NAME]: service.metadata.name ?? '',
      [MANAGED_BY]: MANAGER,
    },
  };
};

const HEADLESS = 'service.kubernetes.io/headless';
const RESERVED = new Set([HEADLESS, SERVICE_NAME, MANAGED_BY]);
