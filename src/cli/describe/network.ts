import type { KubeObject, Stored } from '../../api/meta/object.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Ingress, IngressBackend } from '../../api/types/networking-v1.ts';
import { type Page, pairsText } from './page.ts';
import type { World } from './world.ts';

type Slice = Stored<EndpointSlice> & KubeObject;

const slicesOf = (world: World, name: string, namespace: string): Promise<Slice[]> =>
  world.list<Slice>('discovery.k8s.io/endpointslices', { namespace, labels: `kubernetes.io/service-name=${name}` });

/** `10.244.0.5:8080,10.244.1.3:8080 + 2 more...`: the first three that are ready. */
const endpointsText = (slices: readonly Slice[], portName: string): string => {
  if (!slices.length) return '<none>';
  const all = slices.flatMap(({ ports, endpoints }) => {
    const ready = (endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready ?? true).map((endpoint) => endpoint.addresses[0] ?? '');
    if (!ports?.length) return ready;
    return ports
      .filter((port) => (port.name ?? '') === portName)
      .flatMap((port) => ready.map((address) => `${address.includes(':') ? `[${address}]` : address}:${port.port}`));
  });
  const shown = all.slice(0, 3).join(',');
  return all.length > 3 ? `${shown} + ${all.length - 3} more...` : shown;
};

export const describeService = async (page: Page, { metadata, spec = {}, status }: Stored<Service>, world: World): Promise<void> => {
  page.field('Name', metadata.name);
  page.field('Namespace', metadata.namespace);
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.field('Selector', pairsText(spec.selector));
  page.field('Type', spec.type);
  page.optional('IP Family Policy', spec.ipFamilyPolicy);
  page.field('IP Families', spec.ipFamilies?.join(',') || '<none>');
  page.field('IP', spec.clusterIP);
  page.field('IPs', spec.clusterIPs?.join(',') || '<none>');
  page.optional('External IPs', spec.externalIPs?.join(','));
  page.optional('Desired LoadBalancer IP', spec.loadBalancerIP);
  page.optional('External Name', spec.externalName);
  page.optional('LoadBalancer Ingress', status?.loadBalancer?.ingress?.map(ingressText).join(', '));
  const slices = await slicesOf(world, metadata.name ?? '', metadata.namespace ?? '');
  for (const { name, port, targetPort, nodePort, appProtocol, protocol = 'TCP' } of spec.ports ?? []) {
    page.field('Port', `${name || '<unset>'}\t${port}/${protocol}`);
    page.field('TargetPort', `${targetPort}/${protocol}`);
    page.optional('AppProtocol', appProtocol);
    if (nodePort) page.field('NodePort', `${name || '<unset>'}\t${nodePort}/${protocol}`);
    page.field('Endpoints', endpointsText(slices, name ?? ''));
  }
  page.field('Session Affinity', spec.sessionAffinity);
  page.optional('External Traffic Policy', spec.externalTrafficPolicy);
  page.optional('Internal Traffic Policy', spec.internalTrafficPolicy);
  if (spec.healthCheckNodePort) page.field('HealthCheck NodePort', spec.healthCheckNodePort);
  page.optional('LoadBalancer Source Ranges', spec.loadBalancerSourceRanges?.join(','));
  page.optional('Traffic Distribution', spec.trafficDistribution);
};

const ingressText = ({ ip, hostname, ipMode }: { ip?: string; hostname?: string; ipMode?: string }): string =>
  ip ? (ipMode ? `${ip} (${ipMode})` : ip) : (hostname ?? '');

export const describeIngress = async (page: Page, { metadata, spec = {}, status }: Stored<Ingress>, world: World): Promise<void> => {
  const { name, namespace = '' } = metadata;
  page.field('Name', name);
  page.labels('Labels', metadata.labels);
  page.field('Namespace', namespace);
  page.field('Address', (status?.loadBalancer?.ingress ?? []).map((each) => each.ip ?? each.hostname).join(','));
  page.field('Ingress Class', spec.ingressClassName ?? '<none>');
  const fallback = spec.defaultBackend ? await backendText(spec.defaultBackend, namespace, world) : '<default>';
  page.field('Default backend', fallback);
  if (spec.tls?.length) page.line('TLS:');
  for (const { secretName, hosts = [] } of spec.tls ?? [])
    page.line(secretName ? `${secretName} terminates ${hosts.join(',')}` : `SNI routes ${hosts.join(',')}`, 1);
  page.line('Rules:');
  page.table([
    ['Host', 'Path', 'Backends'],
    ['----', '----', '--------'],
  ]);
  const rules = (spec.rules ?? []).filter((rule) => rule.http);
  for (const { host, http } of rules) {
    page.line(`${host || '*'}\t`, 1);
    for (const { path = '', backend } of http?.paths ?? []) page.line(`\t${path} \t${await backendText(backend, namespace, world)}`, 2);
  }
  if (!rules.length) page.line(`*\t*\t${fallback}`, 1);
  page.annotations(metadata.annotations);
};

const backendText = async (backend: IngressBackend, namespace: string, world: World): Promise<string> => {
  const { service: target, resource } = backend;
  if (resource) return `APIGroup: ${resource.apiGroup ?? '<none>'}, Kind: ${resource.kind}, Name: ${resource.name}`;
  if (!target) return '';
  const text = `${target.name}:${target.port?.name || target.port?.number || ''}`;
  const service = await world.get<Stored<Service> & KubeObject>('services', target.name, namespace);
  if (service instanceof Error) return `${text} (<error: ${service.message}>)`;
  const port = service.spec?.ports?.find((each) =>
    target.port?.number ? each.port === target.port.number : target.port?.name !== undefined && each.name === target.port.name,
  );
  return `${text} (${endpointsText(await slicesOf(world, target.name, namespace), port?.name ?? '')})`;
};
