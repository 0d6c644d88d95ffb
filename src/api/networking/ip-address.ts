import { defineKind } from '../define-kind.ts';
import { cellOf, column } from '../meta/columns.ts';
import type { IPAddress } from '../types/networking-v1.ts';
import { ipAddressNameProblems, validateIpAddress } from './validation/addresses.ts';

const parent = cellOf<IPAddress>(({ spec }) => {
  const reference = spec?.parentRef;
  if (!reference) return '<none>';
  const { group, resource = '', namespace, name = '' } = reference;
  return [`${resource}${group ? `.${group}` : ''}`.toLowerCase(), ...(namespace ? [namespace] : []), name].join('/');
});

export const ipAddress = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  namespaced: false,
  nameCheck: ipAddressNameProblems,
  validate: validateIpAddress,
  columns: [column('ParentRef', parent)],
});
