import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, listWithMore } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { EndpointSlice } from '../types/discovery-v1.ts';

const setDefaults = (object: KubeObject): void => {
  for (const port of as<EndpointSlice>(object).ports ?? []) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
};

export const endpointSlice = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  hasGeneration: true,
  setDefaults,
  columns: [
    column(
      'AddressType',
      cellOf<EndpointSlice>(({ addressType }) => addressType),
    ),
    column(
      'Ports',
      cellOf<EndpointSlice>(({ ports }) => listWithMore((ports ?? []).map(({ port, name }) => String(port ?? name ?? '*')))),
    ),
    column(
      'Endpoints',
      cellOf<EndpointSlice>(({ endpoints }) => listWithMore((endpoints ?? []).flatMap(({ addresses }) => addresses ?? []))),
    ),
    ageColumn,
  ],
});
