import { endpoints as endpointsKind } from '../../api/core/endpoints.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored, splitKey } from '../../api/meta/object.ts';
import { hasReason, isNotFound } from '../../api/meta/status.ts';
import type { Endpoints, Service } from '../../api/types/core-v1.ts';
import { type Controller, type ControllerContext, type Reconciler, watchOf } from '../controller.ts';
import { isHeadless } from '../endpointslice/endpoints-of-service.ts';
import { isNamespaceGoing } from '../namespace-going.ts';
import { hasSelector, ServicePods } from '../service-pods.ts';
import { subsetsOf } from './endpoints-decide.ts';

/** The older form of EndpointSlices, which tools still read. */
export const endpointsController: Controller = {
  name: 'endpoints',
  serviceAccount: 'endpoint-controller',
  build: (context) => {
    const servicePods = new ServicePods(context);
    const all = context.informers.of<Endpoints>(endpointsKind);
    return {
      watches: [servicePods.watch, watchOf(all, (endpoints) => [keyOf(endpoints)])],
      sync: syncWith(context, servicePods),
    };
  },
};

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const HEADLESS = 'service.kubernetes.io/headless';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';

const syncWith = (context: ControllerContext, servicePods: ServicePods): Reconciler['sync'] => {
  const { client } = context;
  const all = context.informers.of<Endpoints>(endpointsKind);
  return async (key) => {
    const service = servicePods.services.get(key);
    const current = all.get(key);
    if (!service) {
      // Only our own go with their Service: others may have been made by hand before it.
      if (current?.metadata.labels?.[MANAGED_BY] === 'endpoint-controller') await remove(context, current);
      return undefined;
    }
    if (!hasSelector(service)) return undefined;
    const { subsets, truncated } = subsetsOf(service, servicePods.podsOf(service));
    const labels = labelsOf(service);
    const { [OVER_CAPACITY]: _old, ...others } = current?.metadata.annotations ?? {};
    const annotations = { ...others, ...(truncated ? { [OVER_CAPACITY]: 'truncated' } : {}) };
    if (
      current &&
      semanticEqual(current.subsets, subsets) &&
      semanticEqual(current.metadata.labels, labels) &&
      semanticEqual(current.metadata.annotations, annotations)
    )
      return undefined;
    const { namespace = '', name } = splitKey(key);
    const wanted: Stored<Endpoints> = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      ...current,
      metadata: { ...(current?.metadata ?? { namespace, name }), labels, annotations },
      subsets,
    };
    try {
      if (current) await client.update(endpointsKind, wanted);
      else await client.create(endpointsKind, wanted);
    } catch (error) {
      if (!isNamespaceGoing(error)) throw error;
    }
    return undefined;
  };
};

const labelsOf = (service: Stored<Service>): Record<string, string> => {
  const { [HEADLESS]: _headless, ...own } = service.metadata.labels ?? {};
  return { ...own, ...(isHeadless(service) ? { [HEADLESS]: '' } : {}), [MANAGED_BY]: 'endpoint-controller' };
};

const remove = async (context: ControllerContext, endpoints: Stored<Endpoints>): Promise<void> => {
  const { namespace, name = '', uid } = endpoints.metadata;
  try {
    await context.client.delete(endpointsKind, { namespace, name }, { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error) && !hasReason(error, 'Conflict')) throw error;
  }
};
