import type { Stored } from '../../api/meta/object.ts';
import { quantityMilliValue, quantityValue } from '../../api/meta/quantity.ts';
import type { Container, ContainerState, ContainerStatus, EnvVar, Pod, Probe, ResourceRequirements } from '../../api/types/core-v1.ts';
import { compare, dateText, type Page } from './page.ts';

export interface ContainersOf {
  label: string;
  containers: readonly Container[] | undefined;
  statuses?: readonly ContainerStatus[] | undefined;
  /** The pod, for values that come from its fields; templates have none. */
  pod?: Stored<Pod>;
  /** Of a pod template. */
  indent?: string;
}

export const describeContainers = (page: Page, { label, containers = [], statuses = [], pod, indent = '' }: ContainersOf): void => {
  page.line(`${indent}${label}:${containers.length ? '' : ' <none>'}`);
  for (const container of containers) {
    const status = statuses.find((each) => each.name === container.name);
    page.line(`${indent && ' '}${container.name}:`, 1);
    if (status) page.field('Container ID', status.containerID, 2);
    page.field('Image', container.image, 2);
    if (status) page.field('Image ID', status.imageID, 2);
    describePorts(page, container);
    const seccomp = container.securityContext?.seccompProfile;
    if (seccomp) page.field('SeccompProfile', seccomp.type, 2);
    if (seccomp?.type === 'Localhost') page.field('LocalhostProfile', seccomp.localhostProfile, 3);
    describeWords(page, 'Command', container.command);
    describeWords(page, 'Args', container.args);
    if (status) describeStatus(page, status);
    describeResources(page, container.resources, 2);
    for (const [name, probe] of [
      ['Liveness', container.livenessProbe],
      ['Readiness', container.readinessProbe],
      ['Startup', container.startupProbe],
    ] as const)
      if (probe) page.field(name, probeText(probe), 2);
    describeEnvironment(page, container, pod);
    describeMounts(page, container);
  }
};

const describePorts = (page: Page, { ports = [] }: Container): void => {
  const texts = (which: 'containerPort' | 'hostPort'): string =>
    ports.map((port) => `${port[which] ?? 0}/${port.protocol ?? 'TCP'}${port.name ? ` (${port.name})` : ''}`).join(', ') || '<none>';
  page.field(ports.length > 1 ? 'Ports' : 'Port', texts('containerPort'), 2);
  page.field(ports.length > 1 ? 'Host Ports' : 'Host Port', texts('hostPort'), 2);
};

const describeWords = (page: Page, title: string, words: readonly string[] = []): void => {
  if (words.length) page.line(`${title}:`, 2);
  for (const word of words) for (const line of word.split('\n')) page.line(line, 3);
};

const describeStatus = (page: Page, status: ContainerStatus): void => {
  describeState(page, 'State', status.state);
  if (status.lastState?.terminated) describeState(page, 'Last State', status.lastState);
  page.field('Ready', status.ready ? 'True' : 'False', 2);
  page.field('Restart Count', status.restartCount, 2);
};

const describeState = (page: Page, title: string, { running, terminated, waiting }: ContainerState = {}): void => {
  page.field(title, running ? 'Running' : !waiting && terminated ? 'Terminated' : 'Waiting', 2);
  if (running) page.field('Started', dateText(running.startedAt), 3);
  else if (waiting) page.optional('Reason', waiting.reason, 3);
  else if (terminated) {
    page.optional('Reason', terminated.reason, 3);
    page.optional('Message', terminated.message, 3);
    page.field('Exit Code', terminated.exitCode, 3);
    if (terminated.signal) page.field('Signal', terminated.signal, 3);
    page.field('Started', dateText(terminated.startedAt), 3);
    page.field('Finished', dateText(terminated.finishedAt), 3);
  }
};

export const describeResources = (page: Page, resources: ResourceRequirements | undefined, level: number): void => {
  for (const [title, amounts] of [
    ['Limits', resources?.limits],
    ['Requests', resources?.requests],
  ] as const) {
    const names = Object.keys(amounts ?? {}).sort(compare);
    if (names.length) page.line(`${title}:`, level);
    for (const name of names) page.field(name, amounts?.[name], level + 1);
  }
};

const probeText = (probe: Probe): string => {
  const numbers = `delay=${probe.initialDelaySeconds ?? 0}s timeout=${probe.timeoutSeconds ?? 0}s period=${probe.periodSeconds ?? 0}s #success=${probe.successThreshold ?? 0} #failure=${probe.failureThreshold ?? 0}`;
  const { exec, httpGet, tcpSocket, grpc } = probe;
  if (exec) return `exec [${(exec.command ?? []).join(' ')}] ${numbers}`;
  if (httpGet)
    return `http-get ${(httpGet.scheme ?? 'http').toLowerCase()}://${httpGet.host ?? ''}:${httpGet.port}${httpGet.path ?? ''} ${numbers}`;
  if (tcpSocket) return `tcp-socket ${tcpSocket.host ?? ''}:${tcpSocket.port} ${numbers}`;
  if (grpc) return `grpc <pod>:${grpc.port} ${grpc.service ?? ''} ${numbers}`;
  return `unknown ${numbers}`;
};

const describeEnvironment = (page: Page, container: Container, pod: Stored<Pod> | undefined): void => {
  const { env = [], envFrom = [] } = container;
  if (envFrom.length) page.line('Environment Variables from:', 2);
  for (const { configMapRef, secretRef, prefix } of envFrom) {
    const { name = '', optional = false } = configMapRef ?? secretRef ?? {};
    page.line(`${name}\t${configMapRef ? 'ConfigMap' : 'Secret'}${prefix ? ` with prefix '${prefix}'` : ''}\tOptional: ${optional}`, 3);
  }
  page.line(env.length ? 'Environment:' : 'Environment:\t<none>', 2);
  for (const variable of env) {
    const [first = '', ...rest] = variableText(variable, container, pod).split('\n');
    page.field(variable.name, first, 3);
    for (const line of rest) page.line(`\t${line}`, 3);
  }
};

const variableText = ({ value = '', valueFrom }: EnvVar, container: Container, pod: Stored<Pod> | undefined): string => {
  if (!valueFrom) return value;
  const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef) return `${pod ? fieldOf(pod, fieldRef.fieldPath) : ''} (${fieldRef.apiVersion ?? 'v1'}:${fieldRef.fieldPath})`;
  if (resourceFieldRef) {
    const amount = amountOf(container, resourceFieldRef.resource, resourceFieldRef.divisor);
    return `${amount === '0' && /^limits\.(cpu|memory)$/.test(resourceFieldRef.resource) ? 'node allocatable' : amount} (${resourceFieldRef.resource})`;
  }
  if (secretKeyRef)
    return `<set to the key '${secretKeyRef.key}' in secret '${secretKeyRef.name}'>\tOptional: ${secretKeyRef.optional ?? false}`;
  if (configMapKeyRef)
    return `<set to the key '${configMapKeyRef.key}' of config map '${configMapKeyRef.name}'>\tOptional: ${configMapKeyRef.optional ?? false}`;
  return '';
};

/** A field of the pod that the downward API can give: `metadata.name`, `metadata.labels['a']`, `status.podIPs`. */
const fieldOf = (pod: Stored<Pod>, path: string): string => {
  const subscript = /^(metadata\.(?:labels|annotations))\['(.+)'\]$/.exec(path);
  const steps = (subscript?.[1] ?? path).split('.');
  const found = steps.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], pod);
  if (subscript) return String((found as Record<string, unknown> | undefined)?.[subscript[2] as string] ?? '');
  return Array.isArray(found) ? found.map((each: { ip?: string }) => each.ip).join(',') : String(found ?? '');
};

const amountOf = (container: Container, resource: string, divisor: string | number = '1'): string => {
  const [which = '', name = ''] = resource.split(/\.(.*)/);
  const amount = container.resources?.[which as 'limits' | 'requests']?.[name];
  if (amount === undefined) return '0';
  const by = quantityValue(divisor) === 0 ? '1' : divisor;
  return name === 'cpu'
    ? String(Math.ceil(quantityMilliValue(amount) / quantityMilliValue(by)))
    : String(Math.ceil(quantityValue(amount) / quantityValue(by)));
};

const describeMounts = (page: Page, { volumeMounts = [], volumeDevices = [] }: Container): void => {
  page.line(volumeMounts.length ? 'Mounts:' : 'Mounts:\t<none>', 2);
  for (const mount of volumeMounts.toSorted((one, other) => compare(one.mountPath, other.mountPath)))
    page.line(
      `${mount.mountPath} from ${mount.name} (${mount.readOnly ? 'ro' : 'rw'}${mount.subPath ? `,path=${JSON.stringify(mount.subPath)}` : ''})`,
      3,
    );
  if (volumeDevices.length) page.line('Devices:', 2);
  for (const device of volumeDevices.toSorted((one, other) => compare(one.devicePath, other.devicePath)))
    page.line(`${device.devicePath} from ${device.name}`, 3);
};
