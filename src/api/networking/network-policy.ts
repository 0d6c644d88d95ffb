import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, selectorCell } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { NetworkPolicy } from '../types/networking-v1.ts';
import { validateNetworkPolicy } from './validation/networking.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<NetworkPolicy>(object);
  if (!spec) return;
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
};

export const networkPolicy = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  namespaced: true,
  hasGeneration: true,
  setDefaults,
  validate: validateNetworkPolicy,
  columns: [
    column(
      'Pod-Selector',
      cellOf<NetworkPolicy>(({ spec }) => selectorCell(spec?.podSelector)),
    ),
    ageColumn,
  ],
});
