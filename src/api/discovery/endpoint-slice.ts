import { checkEndpointIp } from '../core/validation/endpoints.ts';
import { defineKind } from '../define-kind.ts';
import { checkIp, checkOneOf, checkText } from '../meta/checks.ts';
import { ageColumn, as, cellOf, column, listWithMore } from '../meta/columns.ts';
import { duplicate, type FieldError, invalid, required, tooMany } from '../meta/field-error.ts';
import { dnsLabelProblems, dnsSubdomainProblems } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../types/discovery-v1.ts';

const setDefaults = (object: KubeObject): void => {
  for (const port of as<EndpointSlice>(object).ports ?? []) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
};

const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;

const validate = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { addressType, endpoints, ports } = as<EndpointSlice>(object);
  checkOneOf(errors, 'addressType', addressType, ['FQDN', 'IPv4', 'IPv6']);
  checkPorts(errors, ports ?? []);
  if ((endpoints?.length ?? 0) > MAX_ENDPOINTS) errors.push(tooMany('endpoints', endpoints?.length ?? 0, MAX_ENDPOINTS));
  else for (const [index, endpoint] of (endpoints ?? []).entries()) checkEndpoint(errors, `endpoints[${index}]`, endpoint, addressType);
  return errors;
};

const checkPorts = (errors: FieldError[], ports: readonly EndpointPort[]): void => {
  const names = new Set<string>();
  for (const [index, { name = '', protocol }] of ports.entries()) {
    if (name) checkText(errors, `ports[${index}].name`, name, dnsLabelProblems);
    if (names.has(name)) errors.push(duplicate(`ports[${index}].name`, name));
    names.add(name);
    checkOneOf(errors, `ports[${index}].protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
  }
};

const checkEndpoint = (errors: FieldError[], at: string, endpoint: Endpoint, addressType: string): void => {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) errors.push(required(`${at}.addresses`, 'must contain at least 1 address'));
  if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(`${at}.addresses`, addresses.length, MAX_ADDRESSES));
  for (const [index, address] of addresses.entries()) {
    const here = `${at}.addresses[${index}]`;
    if (addressType === 'FQDN') checkText(errors, here, address, dnsSubdomainProblems);
    else if (addressType === 'IPv4' || addressType === 'IPv6') {
      const before = errors.length;
      checkIp(errors, here, address);
      if (errors.length === before && address.includes(':') !== (addressType === 'IPv6'))
        errors.push(invalid(here, address, `must be an ${addressType} address`));
      if (errors.length === before) checkEndpointIp(errors, here, address);
    }
  }
  if (endpoint.hostname !== undefined) checkText(errors, `${at}.hostname`, endpoint.hostname, dnsLabelProblems);
  if (endpoint.nodeName !== undefined) checkText(errors, `${at}.nodeName`, endpoint.nodeName, dnsSubdomainProblems);
};

const validateUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validate(object);
  if (object['addressType'] !== old['addressType']) errors.push(invalid('addressType', object['addressType'], 'field is immutable'));
  return errors;
};

export const endpointSlice = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  hasGeneration: true,
  setDefaults,
  validate,
  validateUpdate,
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
