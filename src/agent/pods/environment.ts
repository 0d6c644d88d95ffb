import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from '../../api/types/core-v1.ts';
import { fieldText, type NodeFacts, resourceText } from './field-ref.ts';
import { StartError } from './start-error.ts';

export interface EnvironmentFacts {
  pod: Stored<Pod>;
  container: Container;
  podIPs: readonly string[];
  node: NodeFacts;
  /** All Services of the cluster. */
  services: readonly Stored<Service>[];
  configMap(name: string): Promise<ConfigMap>;
  secret(name: string): Promise<Secret>;
}

/** The variables of a container, later ones over earlier ones. Throws StartError for what refers to something that is not there. */
export const containerEnvironment = async (facts: EnvironmentFacts): Promise<Map<string, string>> => {
  const { pod, container } = facts;
  const result = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    const prefix = source.prefix ?? '';
    for (const [key, value] of await sourceEntries(facts, source)) result.set(prefix + key, value);
  }
  const services = serviceVariables(facts.services, {
    namespace: pod.metadata.namespace ?? '',
    withLinks: pod.spec?.enableServiceLinks !== false,
  });
  const defined = new Map(result);
  const own = new Map<string, string>();
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? await valueFrom(facts, variable)
      : expandVariables(variable.value ?? '', (name) => own.get(name) ?? defined.get(name) ?? services.get(name));
    if (value === undefined) continue;
    own.set(variable.name, value);
    result.set(variable.name, value);
  }
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value);
  return result;
};

const sourceEntries = async (
  facts: EnvironmentFacts,
  source: { configMapRef?: { name?: string; optional?: boolean }; secretRef?: { name?: string; optional?: boolean } },
): Promise<[string, string][]> => {
  const { configMapRef, secretRef } = source;
  if (configMapRef) {
    const object = await orMissing(facts.configMap(configMapRef.name ?? ''), configMapRef.optional);
    return Object.entries(object?.data ?? {});
  }
  if (!secretRef) return [];
  const object = await orMissing(facts.secret(secretRef.name ?? ''), secretRef.optional);
  return Object.entries(object?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
};

const orMissing = async <T>(reading: Promise<T>, optional: boolean | undefined): Promise<T | undefined> => {
  try {
    return await reading;
  } catch (error) {
    if (optional && isNotFound(error)) return undefined;
    // In the singular, as kubelet's own cache words it.
    const message = error instanceof Error ? error.message.replace(/^(configmap|secret)s (?=".*" not found$)/, '$1 ') : String(error);
    throw new StartError('CreateContainerConfigError', message);
  }
};

/** Undefined where an optional source is missing. */
const valueFrom = async (facts: EnvironmentFacts, { valueFrom: from }: EnvVar): Promise<string | undefined> => {
  const { pod, node, podIPs } = facts;
  const namespace = pod.metadata.namespace;
  try {
    if (from?.fieldRef) return fieldText(pod, from.fieldRef.fieldPath, node, podIPs);
    if (from?.resourceFieldRef) {
      const { containerName } = from.resourceFieldRef;
      const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
      const target = containerName ? all.find(({ name }) => name === containerName) : facts.container;
      return resourceText(target ?? facts.container, from.resourceFieldRef, node);
    }
  } catch (error) {
    throw new StartError('CreateContainerConfigError', (error as Error).message);
  }
  if (from?.configMapKeyRef) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const object = await orMissing(facts.configMap(name), optional);
    const value = object?.data?.[key];
    if (value === undefined && !optional)
      throw new StartError('CreateContainerConfigError', `couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (from?.secretKeyRef) {
    const { name = '', key, optional } = from.secretKeyRef;
    const object = await orMissing(facts.secret(name), optional);
    const value = object?.data?.[key];
    if (value === undefined && !optional)
      throw new StartError('CreateContainerConfigError', `couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
  }
  return '';
};

/** `$(NAME)` becomes the variable's value, `$$(NAME)` becomes `$(NAME)`, and what is not known stays as it is. */
export const expandVariables = (text: string, lookup: (name: string) => string | undefined): string =>
  text.replace(/\$(?:(\$)|\(([^)]*)\))/g, (whole, escaped: string | undefined, name: string) => (escaped ? '$' : (lookup(name) ?? whole)));

/** `WEB_SERVICE_HOST` and the older docker links, for the pod's namespace and for the API server's Service. */
export const serviceVariables = (
  services: readonly Stored<Service>[],
  { namespace, withLinks }: { namespace: string; withLinks: boolean },
): Map<string, string> => {
  const chosen = new Map<string, Stored<Service>>();
  for (const service of services) {
    const { name = '', namespace: home } = service.metadata;
    const isApi = home === 'default' && name === 'kubernetes';
    if (!service.spec?.clusterIP || service.spec.clusterIP === 'None') continue;
    if (home === namespace && (withLinks || isApi)) chosen.set(name, service);
    else if (isApi && !chosen.has(name)) chosen.set(name, service);
  }
  const result = new Map<string, string>();
  for (const [name, { spec }] of [...chosen].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const prefix = name.toUpperCase().replaceAll('-', '_');
    const host = spec?.clusterIP ?? '';
    const [first] = spec?.ports ?? [];
    result.set(`${prefix}_SERVICE_HOST`, host);
    if (!first) continue;
    result.set(`${prefix}_SERVICE_PORT`, String(first.port));
    const address = (port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
    for (const { name: portName, port } of spec?.ports ?? [])
      if (portName) result.set(`${prefix}_SERVICE_PORT_${portName.toUpperCase().replaceAll('-', '_')}`, String(port));
    (spec?.ports ?? []).forEach(({ port, protocol = 'TCP' }, index) => {
      const url = `${protocol.toLowerCase()}://${address(port)}`;
      const portPrefix = `${prefix}_PORT_${port}_${protocol}`;
      if (index === 0) result.set(`${prefix}_PORT`, url);
      result.set(portPrefix, url);
      result.set(`${portPrefix}_PROTO`, protocol.toLowerCase());
      result.set(`${portPrefix}_PORT`, String(port));
      result.set(`${portPrefix}_ADDR`, host);
    });
  }
  return result;
};
