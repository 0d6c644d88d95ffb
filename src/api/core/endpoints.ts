import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Endpoints } from '../types/core-v1.ts';
import { validateEndpoints } from './validation/endpoints.ts';

const setDefaults = (object: KubeObject): void => {
  for (const subset of as<Endpoints>(object).subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
};

const SHOWN = 3;

const endpointsCell = cellOf<Endpoints>(({ subsets = [] }) => {
  if (subsets.length === 0) return '<none>';
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`))),
  );
  const shown = all.slice(0, SHOWN).join(',');
  return all.length > SHOWN ? `${shown} + ${all.length - SHOWN} more...` : shown;
});

export const endpoints = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  shortNames: ['ep'],
  namespaced: true,
  setDefaults,
  validate: validateEndpoints,
  warnings: () => ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
  columns: [column('Endpoints', endpointsCell), ageColumn],
});
