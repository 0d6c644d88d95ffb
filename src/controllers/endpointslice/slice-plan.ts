import { semanticEqual } from '../../api/meta/equality.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/types/discovery-v1.ts';
import { canonicalJson } from '../template-hash.ts';

/** Endpoints that may share slices: the same address family and the same ports. */
export interface EndpointGroup {
  addressType: 'IPv4' | 'IPv6';
  ports: readonly EndpointPort[];
  endpoints: readonly Endpoint[];
}

export interface SliceMeta {
  labels: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface SlicePlan {
  create: readonly Pick<EndpointSlice, 'addressType' | 'ports' | 'endpoints'>[];
  update: readonly Stored<EndpointSlice>[];
  delete: readonly Stored<EndpointSlice>[];
}

export const MAX_ENDPOINTS_PER_SLICE = 100;

/**
 * The fewest writes from the slices that are there to the endpoints that should be: an endpoint stays in its slice, new ones
 * fill slices that change anyway or have room, and a slice is deleted when nothing is left in it.
 */
export const planSlices = (groups: readonly EndpointGroup[], existing: readonly Stored<EndpointSlice>[], meta: SliceMeta): SlicePlan => {
  const wanted = new Map(groups.map((group) => [groupKey(group.addressType, group.ports), group]));
  const slicesOf = Map.groupBy(existing, (slice) => groupKey(slice.addressType, slice.ports ?? []));
  const plan = {
    create: [] as Pick<EndpointSlice, 'addressType' | 'ports' | 'endpoints'>[],
    update: [] as Stored<EndpointSlice>[],
    delete: [] as Stored<EndpointSlice>[],
  };
  for (const [key, slices] of slicesOf) if (!wanted.has(key)) plan.delete.push(...slices);
  for (const [key, group] of wanted) planGroup(group, slicesOf.get(key) ?? [], meta, plan);
  return plan;
};

const planGroup = (
  group: EndpointGroup,
  slices: readonly Stored<EndpointSlice>[],
  meta: SliceMeta,
  plan: {
    create: Pick<EndpointSlice, 'addressType' | 'ports' | 'endpoints'>[];
    update: Stored<EndpointSlice>[];
    delete: Stored<EndpointSlice>[];
  },
): void => {
  const missing = new Map(group.endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const drafts = slices.map((slice) => {
    const kept: Endpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const fresh = missing.get(identityOf(endpoint));
      if (!fresh) continue;
      missing.delete(identityOf(endpoint));
      kept.push(fresh);
    }
    return { slice, endpoints: kept };
  });
  const rest = [...missing.values()];
  for (const draft of drafts) draft.endpoints.push(...rest.splice(0, Math.max(0, MAX_ENDPOINTS_PER_SLICE - draft.endpoints.length)));
  while (rest.length > 0)
    plan.create.push({ addressType: group.addressType, ports: [...group.ports], endpoints: rest.splice(0, MAX_ENDPOINTS_PER_SLICE) });
  // A Service without endpoints keeps one empty slice, so that "none" and "not looked at yet" differ.
  const filled = drafts.filter((draft) => draft.endpoints.length > 0);
  const kept = filled.length > 0 || plan.create.length > 0 ? filled : drafts.slice(0, 1);
  if (drafts.length === 0 && group.endpoints.length === 0)
    plan.create.push({ addressType: group.addressType, ports: [...group.ports], endpoints: [] });
  for (const draft of drafts) {
    if (!kept.includes(draft)) plan.delete.push(draft.slice);
    else if (hasChanged(draft.slice, draft.endpoints, meta))
      plan.update.push({
        ...draft.slice,
        metadata: {
          ...draft.slice.metadata,
          labels: meta.labels,
          ...(meta.annotations ? { annotations: meta.annotations } : {}),
        },
        endpoints: draft.endpoints,
      });
  }
};

const hasChanged = (slice: Stored<EndpointSlice>, endpoints: readonly Endpoint[], meta: SliceMeta): boolean =>
  !semanticEqual(slice.endpoints, endpoints) ||
  !semanticEqual(slice.metadata.labels, meta.labels) ||
  (meta.annotations !== undefined && !semanticEqual(slice.metadata.annotations, meta.annotations));

const groupKey = (addressType: string, ports: readonly EndpointPort[]): string =>
  `${addressType} ${ports
    .map((port) => canonicalJson([port.name ?? '', port.port, port.protocol ?? 'TCP', port.appProtocol ?? '']))
    .sort()
    .join()}`;

const identityOf = (endpoint: Endpoint): string => `${endpoint.targetRef?.uid ?? ''} ${endpoint.addresses.join()}`;

/** Puts endpoints with equal ports together; a family without any gets an empty group. */
export const groupEndpoints = (
  addressType: 'IPv4' | 'IPv6',
  entries: readonly { ports: readonly EndpointPort[]; endpoint: Endpoint }[],
): EndpointGroup[] => {
  if (entries.length === 0) return [{ addressType, ports: [], endpoints: [] }];
  const groups = Map.groupBy(entries, (entry) => groupKey(addressType, entry.ports));
  return [...groups.values()].map((members) => ({
    addressType,
    ports: members[0]?.ports ?? [],
    endpoints: members.map((member) => member.endpoint),
  }));
};
