import { checkCidr, checkIp, checkOneOf, checkOptionalOneOf, checkPortOrName, checkText } from '../../meta/checks.ts';
import { as } from '../../meta/columns.ts';
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts';
import { dnsLabelProblems, dnsSubdomainProblems, portNumberProblems, qualifiedNameProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import { validateLabels } from '../../meta/object-meta.ts';
import type { Service, ServicePort, ServiceSpec } from '../../types/core-v1.ts';
import { PROTOCOLS } from './containers.ts';
import { checkEndpointIp } from './endpoints.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const MAX_AFFINITY_SECONDS = 86400;

export const validateService = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<Service>(object).spec ?? {};
  const headless = spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None';
  if (!spec.ports?.length && !headless && spec.type !== 'ExternalName') errors.push(required('spec.ports'));
  checkType(errors, spec, headless);
  checkPorts(errors, spec);
  errors.push(...validateLabels(spec.selector, 'spec.selector'));
  checkAffinity(errors, spec);
  if (spec.type !== 'ExternalName') checkAddresses(errors, spec);
  for (const [index, address] of (spec.externalIPs ?? []).entries()) {
    const before = errors.length;
    checkIp(errors, `spec.externalIPs[${index}]`, address);
    if (errors.length === before) checkEndpointIp(errors, `spec.externalIPs[${index}]`, address);
  }
  checkOneOf(errors, 'spec.type', spec.type, TYPES);
  checkBalancer(errors, spec);
  checkTraffic(errors, spec);
  return errors;
};

const checkType = (errors: FieldError[], spec: ServiceSpec, headless: boolean): void => {
  if (spec.type === 'LoadBalancer' || spec.type === 'NodePort') {
    if (headless) errors.push(invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  } else if (spec.type === 'ExternalName') {
    if (spec.clusterIPs?.length) errors.push(forbidden('spec.clusterIPs', 'may not be set for ExternalName services'));
    if (spec.ipFamilies?.length) errors.push(forbidden('spec.ipFamilies', 'may not be set for ExternalName services'));
    if (spec.ipFamilyPolicy) errors.push(forbidden('spec.ipFamilyPolicy', 'may not be set for ExternalName services'));
    const name = (spec.externalName ?? '').replace(/\.$/, '');
    if (name) checkText(errors, 'spec.externalName', name, dnsSubdomainProblems);
    else errors.push(required('spec.externalName'));
  }
};

const shownPort = ({ protocol, port }: ServicePort): unknown => ({
  Name: '',
  Protocol: protocol,
  AppProtocol: null,
  Port: port,
  TargetPort: 0,
  NodePort: 0,
});

const checkPorts = (errors: FieldError[], spec: ServiceSpec): void => {
  const ports = spec.ports ?? [];
  const [names, numbers, nodePorts] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    if (port.name) {
      checkText(errors, `${at}.name`, port.name, dnsLabelProblems);
      if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    } else if (ports.length > 1) errors.push(required(`${at}.name`));
    for (const problem of portNumberProblems(port.port)) errors.push(invalid(`${at}.port`, port.port, problem));
    checkOneOf(errors, `${at}.protocol`, port.protocol, PROTOCOLS);
    checkPortOrName(errors, `${at}.targetPort`, port.targetPort);
    if (port.appProtocol !== undefined) checkText(errors, `${at}.appProtocol`, port.appProtocol, qualifiedNameProblems);
  }
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    if (port.nodePort) {
      if (spec.type === 'ClusterIP') errors.push(forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
      const key = `${port.protocol}/${port.nodePort}`;
      if (nodePorts.has(key)) errors.push(duplicate(`${at}.nodePort`, port.nodePort));
      nodePorts.add(key);
    }
    const key = `${port.protocol}/${port.port}`;
    if (numbers.has(key)) errors.push(duplicate(at, shownPort(port)));
    numbers.add(key);
  }
};

const checkAffinity = (errors: FieldError[], spec: ServiceSpec): void => {
  checkOneOf(errors, 'spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  const at = 'spec.sessionAffinityConfig';
  if (spec.sessionAffinity === 'None') {
    if (spec.sessionAffinityConfig) errors.push(forbidden(at, 'must not be set when session affinity is None'));
    return;
  }
  if (spec.sessionAffinity !== 'ClientIP') return;
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds === undefined) errors.push(required(`${at}.clientIP.timeoutSeconds`, 'when session affinity type is ClientIP'));
  else if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS)
    errors.push(invalid(`${at}.clientIP.timeoutSeconds`, seconds, `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`));
};

const FAMILIES = ['IPv4', 'IPv6'];
const FAMILY_POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

const checkAddresses = (errors: FieldError[], spec: ServiceSpec): void => {
  const addresses = spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []);
  const families = new Set<string>();
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (!FAMILIES.includes(family)) errors.push(notSupported(`spec.ipFamilies[${index}]`, family, FAMILIES));
    if (families.has(family)) errors.push(duplicate(`spec.ipFamilies[${index}]`, family));
    families.add(family);
  }
  checkOptionalOneOf(errors, 'spec.ipFamilyPolicy', spec.ipFamilyPolicy, FAMILY_POLICIES);
  if (spec.clusterIP && addresses[0] !== spec.clusterIP)
    errors.push(invalid('spec.clusterIPs', addresses, 'first value must match `clusterIP`'));
  for (const [index, address] of addresses.entries())
    if (address !== 'None' && address !== '') checkIp(errors, `spec.clusterIPs[${index}]`, address);
};

const ONLY_BALANCERS = "may only be used when `type` is 'LoadBalancer'";

const checkBalancer = (errors: FieldError[], spec: ServiceSpec): void => {
  const balanced = spec.type === 'LoadBalancer';
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0 && !balanced) errors.push(forbidden('spec.LoadBalancerSourceRanges', ONLY_BALANCERS));
  for (const [index, range] of ranges.entries()) checkCidr(errors, `spec.LoadBalancerSourceRanges[${index}]`, range.trim());
  if (spec.allocateLoadBalancerNodePorts !== undefined && !balanced)
    errors.push(forbidden('spec.allocateLoadBalancerNodePorts', ONLY_BALANCERS));
  if (spec.loadBalancerClass !== undefined) {
    if (!balanced) errors.push(forbidden('spec.loadBalancerClass', ONLY_BALANCERS));
    else checkText(errors, 'spec.loadBalancerClass', spec.loadBalancerClass, qualifiedNameProblems);
  }
};

const checkTraffic = (errors: FieldError[], spec: ServiceSpec): void => {
  const outside =
    spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);
  if (outside) checkOneOf(errors, 'spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local']);
  else if (spec.externalTrafficPolicy)
    errors.push(invalid('spec.externalTrafficPolicy', spec.externalTrafficPolicy, 'may only be set for externally-accessible services'));
  const probed = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
  if (!probed && spec.healthCheckNodePort)
    errors.push(
      invalid(
        'spec.healthCheckNodePort',
        spec.healthCheckNodePort,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    );
  if (spec.type !== 'ExternalName')
    checkOptionalOneOf(errors, 'spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']);
  checkOptionalOneOf(errors, 'spec.trafficDistribution', spec.trafficDistribution, ['PreferClose', 'PreferSameZone', 'PreferSameNode']);
};

/** The address stays while the service has one; a change of type may free it. */
export const validateServiceUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateService(object);
  const [spec, before] = [as<Service>(object).spec ?? {}, as<Service>(old).spec ?? {}];
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return errors;
  const [now, was] = [spec.clusterIPs ?? [], before.clusterIPs ?? []];
  if (was[0] && now[0] !== was[0]) errors.push(invalid('spec.clusterIPs[0]', now, 'may not change once set'));
  return errors;
};
