/** Ingresses, their classes, and network policies. */
import { isIP } from 'node:net';
import { checkCidr, checkLabelSelector, checkPortOrName, checkText } from '../../meta/checks.ts';
import { as } from '../../meta/columns.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts';
import { dns1035Problems, dnsSubdomainProblems, wildcardDnsSubdomainProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../types/networking-v1.ts';

export const validateNetworkPolicy = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<NetworkPolicy>(object).spec;
  checkLabelSelector(errors, 'spec.podSelector', spec?.podSelector);
  for (const [index, { ports, from }] of (spec?.ingress ?? []).entries()) {
    checkPolicyPorts(errors, `spec.ingress[${index}].ports`, ports ?? []);
    for (const [position, peer] of (from ?? []).entries()) checkPeer(errors, `spec.ingress[${index}].from[${position}]`, peer);
  }
  for (const [index, { ports, to }] of (spec?.egress ?? []).entries()) {
    checkPolicyPorts(errors, `spec.egress[${index}].ports`, ports ?? []);
    for (const [position, peer] of (to ?? []).entries()) checkPeer(errors, `spec.egress[${index}].to[${position}]`, peer);
  }
  const types = spec?.policyTypes ?? [];
  if (types.length > 2) errors.push(invalid('spec.policyTypes', types, 'may not specify more than two policyTypes'));
  else
    for (const [index, type] of types.entries())
      if (type !== 'Ingress' && type !== 'Egress') errors.push(notSupported(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']));
  return errors;
};

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];

const checkPolicyPorts = (errors: FieldError[], at: string, ports: readonly NetworkPolicyPort[]): void => {
  for (const [index, { protocol, port, endPort }] of ports.entries()) {
    const here = `${at}[${index}]`;
    if (protocol !== undefined && !PROTOCOLS.includes(protocol)) errors.push(notSupported(`${here}.protocol`, protocol, PROTOCOLS));
    if (port !== undefined) checkPortOrName(errors, `${here}.port`, port);
    if (endPort === undefined) continue;
    if (port === undefined)
      errors.push(
        required(`${here}.port`, 'must be specified when endPort is specified') &&
          forbidden(`${here}.endPort`, 'may not be specified when `port` is not specified'),
      );
    else if (typeof port === 'string') errors.push(forbidden(`${here}.endPort`, 'may not be specified when `port` is non-numeric'));
    else if (endPort < port) errors.push(invalid(`${here}.endPort`, endPort, 'must be greater than or equal to `port`'));
  }
};

const checkPeer = (errors: FieldError[], at: string, { ipBlock, podSelector, namespaceSelector }: NetworkPolicyPeer): void => {
  checkLabelSelector(errors, `${at}.podSelector`, podSelector);
  checkLabelSelector(errors, `${at}.namespaceSelector`, namespaceSelector);
  if (ipBlock) {
    const before = errors.length;
    if (!ipBlock.cidr) errors.push(required(`${at}.ipBlock.cidr`));
    else checkCidr(errors, `${at}.ipBlock.cidr`, ipBlock.cidr);
    if (errors.length === before)
      for (const [index, range] of (ipBlock.except ?? []).entries()) checkCidr(errors, `${at}.ipBlock.except[${index}]`, range);
  }
  if (!ipBlock && !podSelector && !namespaceSelector) errors.push(required(at, 'must specify a peer'));
  if (ipBlock && (podSelector || namespaceSelector)) errors.push(forbidden(at, 'may not specify both ipBlock and another peer'));
};

export const validateIngress = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<Ingress>(object).spec ?? {};
  const rules = spec.rules ?? [];
  if (rules.length === 0 && !spec.defaultBackend)
    errors.push(invalid('spec', rules.length === 0 ? null : rules, 'either `defaultBackend` or `rules` must be specified'));
  if (spec.defaultBackend) checkBackend(errors, 'spec.defaultBackend', spec.defaultBackend);
  for (const [index, rule] of rules.entries()) {
    const at = `spec.rules[${index}]`;
    if (rule.host) checkHost(errors, `${at}.host`, rule.host);
    if (!rule.http) continue;
    if (!rule.http.paths?.length) errors.push(required(`${at}.http.paths`));
    for (const [position, path] of (rule.http.paths ?? []).entries()) checkPath(errors, `${at}.http.paths[${position}]`, path);
  }
  for (const [index, { hosts }] of (spec.tls ?? []).entries())
    for (const [position, host] of (hosts ?? []).entries())
      checkText(
        errors,
        `spec.tls[${index}].hosts[${position}]`,
        host,
        host.includes('*') ? wildcardDnsSubdomainProblems : dnsSubdomainProblems,
      );
  if (spec.ingressClassName !== undefined) checkText(errors, 'spec.ingressClassName', spec.ingressClassName, dnsSubdomainProblems);
  return errors;
};

const checkHost = (errors: FieldError[], at: string, host: string): void => {
  if (isIP(host) !== 0) errors.push(invalid(at, host, 'must be a DNS name, not an IP address'));
  else checkText(errors, at, host, host.includes('*') ? wildcardDnsSubdomainProblems : dnsSubdomainProblems);
};

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const BAD_PARTS = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_ENDS = ['/..', '/.'];

const checkPath = (errors: FieldError[], at: string, { path = '', pathType, backend }: HTTPIngressPath): void => {
  if (!pathType) {
    errors.push(required(`${at}.pathType`, 'pathType must be specified'));
    return;
  }
  if (!PATH_TYPES.includes(pathType)) errors.push(notSupported(`${at}.pathType`, pathType, PATH_TYPES));
  else if (pathType !== 'ImplementationSpecific') {
    if (!path.startsWith('/')) errors.push(invalid(`${at}.path`, path, 'must be an absolute path'));
    for (const part of BAD_PARTS) if (path.includes(part)) errors.push(invalid(`${at}.path`, path, `must not contain '${part}'`));
    for (const end of BAD_ENDS) if (path.endsWith(end)) errors.push(invalid(`${at}.path`, path, `cannot end with '${end}'`));
  } else if (path && !path.startsWith('/')) errors.push(invalid(`${at}.path`, path, 'must be an absolute path'));
  checkBackend(errors, `${at}.backend`, backend ?? {});
};

const checkBackend = (errors: FieldError[], at: string, { service, resource }: IngressBackend): void => {
  if (resource && service) errors.push(invalid(at, '', 'cannot set both resource and service backends'));
  else if (!resource && !service) errors.push(invalid(at, '', 'resource or service backend is required'));
  else if (service) {
    if (!service.name) errors.push(required(`${at}.service.name`));
    else checkText(errors, `${at}.service.name`, service.name, dns1035Problems);
    const { name, number } = service.port ?? {};
    if (name && number) errors.push(invalid(at, '', 'cannot set both port name & port number'));
    else if (!name && !number) errors.push(invalid(at, '', 'port name or number is required'));
    else checkPortOrName(errors, `${at}.service.port.${name ? 'name' : 'number'}`, name || number);
  }
};

const CONTROLLER = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;
const CONTROLLER_LIMIT = 250;

export const validateIngressClass = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { controller = '', parameters } = as<IngressClass>(object).spec ?? {};
  if (!controller) errors.push(required('spec.controller'));
  else if (controller.length > CONTROLLER_LIMIT)
    errors.push({
      type: 'FieldValueTooLong',
      field: 'spec.controller',
      message: `Too long: may not be more than ${CONTROLLER_LIMIT} bytes`,
    });
  else if (!CONTROLLER.test(controller))
    errors.push(invalid('spec.controller', controller, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  if (!parameters) return errors;
  if (!parameters.kind) errors.push(required('spec.parameters.kind'));
  if (!parameters.name) errors.push(required('spec.parameters.name'));
  if (parameters.scope !== undefined && parameters.scope !== 'Cluster' && parameters.scope !== 'Namespace')
    errors.push(notSupported('spec.parameters.scope', parameters.scope, ['Cluster', 'Namespace']));
  if (parameters.scope === 'Namespace' && !parameters.namespace)
    errors.push(required('spec.parameters.namespace', "`parameters.scope` is set to 'Namespace'"));
  return errors;
};

export const validateIngressClassUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateIngressClass(object);
  const [now, was] = [as<IngressClass>(object).spec?.controller, as<IngressClass>(old).spec?.controller];
  if (now !== was) errors.push(invalid('spec.controller', now, 'field is immutable'));
  return errors;
};
