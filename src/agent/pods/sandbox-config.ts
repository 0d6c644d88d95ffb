import { readFileSync } from 'node:fs';
import type { Stored } from '../../api/meta/object.ts';
import type { Pod, PodSpec, SeccompProfile } from '../../api/types/core-v1.ts';
import type { Partly } from '../cri/cri-client.ts';
import * as Cri from '../cri/cri-types.ts';
import { ANNOTATION, podLabels } from './labels.ts';

export interface DnsSettings {
  clusterDns: string;
  clusterDomain: string;
  /** The node's own resolver file. */
  resolvConf: string;
}

const NAME_MAX = 63;
/** CRI's SecurityProfile.ProfileType. */
const SECCOMP = { RuntimeDefault: 0, Unconfined: 1, Localhost: 2 } as const;
const PROTOCOLS: Record<string, number> = Cri.Protocol;

export const podLogDirectory = (podLogsDir: string, pod: { namespace: string; name: string; uid: string }): string =>
  `${podLogsDir}/${pod.namespace}_${pod.name}_${pod.uid}`;

export const sandboxConfig = (
  pod: Stored<Pod>,
  options: { attempt: number; cgroupParent: string; podLogsDir: string; dns: DnsSettings },
): Partly<Cri.PodSandboxConfig> => {
  const spec = pod.spec ?? { containers: [] };
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  const security = spec.securityContext;
  const ports = spec.hostNetwork ? [] : spec.containers.concat(spec.initContainers ?? []).flatMap(({ ports = [] }) => ports);
  return {
    metadata: { name, namespace, uid, attempt: options.attempt },
    hostname: spec.hostNetwork ? '' : hostnameOf(pod, options.dns.clusterDomain),
    logDirectory: podLogDirectory(options.podLogsDir, { namespace, name, uid }),
    dnsConfig: dnsOf(pod, options.dns),
    portMappings: ports
      .filter(({ hostPort }) => hostPort)
      .map(({ containerPort, hostPort, hostIP = '', protocol = 'TCP' }) => ({
        containerPort,
        hostPort: hostPort ?? 0,
        hostIp: hostIP,
        protocol: PROTOCOLS[protocol] ?? 0,
      })),
    labels: { ...pod.metadata.labels, ...podLabels(pod) },
    annotations: {
      ...pod.metadata.annotations,
      [ANNOTATION.terminationGracePeriod]: String(spec.terminationGracePeriodSeconds ?? 30),
    },
    linux: {
      cgroupParent: options.cgroupParent,
      sysctls: Object.fromEntries((security?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
      securityContext: {
        namespaceOptions: namespacesOf(spec),
        ...(security?.runAsUser === undefined ? {} : { runAsUser: { value: security.runAsUser } }),
        ...(security?.runAsGroup === undefined || security.runAsUser === undefined ? {} : { runAsGroup: { value: security.runAsGroup } }),
        supplementalGroups: supplementalGroups(spec),
        privileged: spec.containers.concat(spec.initContainers ?? []).some(({ securityContext }) => securityContext?.privileged),
        seccomp: seccompOf(security?.seccompProfile) ?? { profileType: SECCOMP.RuntimeDefault, localhostRef: '' },
      },
    },
  };
};

export const namespacesOf = (spec: PodSpec): Partly<Cri.NamespaceOption> => ({
  network: spec.hostNetwork ? Cri.NamespaceMode.NODE : Cri.NamespaceMode.POD,
  pid: spec.hostPID ? Cri.NamespaceMode.NODE : spec.shareProcessNamespace ? Cri.NamespaceMode.POD : Cri.NamespaceMode.CONTAINER,
  ipc: spec.hostIPC ? Cri.NamespaceMode.NODE : Cri.NamespaceMode.POD,
});

export const supplementalGroups = (spec: PodSpec): number[] => {
  const { fsGroup, supplementalGroups: more = [] } = spec.securityContext ?? {};
  return [...(fsGroup === undefined ? [] : [fsGroup]), ...more];
};

/** Undefined: as the runtime likes it, which is unconfined unless it was told otherwise. */
export const seccompOf = (profile: SeccompProfile | undefined): Cri.SecurityProfile | undefined => {
  if (!profile) return undefined;
  if (profile.type === 'RuntimeDefault') return { profileType: SECCOMP.RuntimeDefault, localhostRef: '' };
  if (profile.type === 'Localhost')
    return { profileType: SECCOMP.Localhost, localhostRef: `/var/lib/kubelet/seccomp/${profile.localhostProfile}` };
  return { profileType: SECCOMP.Unconfined, localhostRef: '' };
};

/** What `hostname` prints in the pod: the short name, or the full one where the pod asks for it. */
export const hostnameOf = (pod: Stored<Pod>, clusterDomain: string): string => {
  const { hostname, subdomain, setHostnameAsFQDN, hostnameOverride } = pod.spec ?? {};
  if (hostnameOverride) return hostnameOverride;
  const short = (hostname || pod.metadata.name || '').slice(0, NAME_MAX).replace(/[-.]+$/, '');
  return setHostnameAsFQDN && subdomain ? `${short}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : short;
};

/** The lines of the pod's resolv.conf; null lets the runtime copy the node's. */
export const dnsOf = (pod: Stored<Pod>, settings: DnsSettings): Cri.DNSConfig | null => {
  const { dnsPolicy = 'ClusterFirst', hostNetwork, dnsConfig } = pod.spec ?? {};
  const usesCluster = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork);
  const host = dnsPolicy === 'None' ? { servers: [], searches: [], options: [] } : readResolvConf(settings.resolvConf);
  const domain = settings.clusterDomain;
  const base = usesCluster
    ? {
        servers: [settings.clusterDns],
        searches: [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain, ...host.searches],
        options: ['ndots:5'],
      }
    : host;
  const options = new Map(base.options.map((option) => [option.split(':')[0] ?? '', option]));
  for (const { name = '', value } of dnsConfig?.options ?? []) options.set(name, value ? `${name}:${value}` : name);
  return {
    servers: [...new Set([...base.servers, ...(dnsConfig?.nameservers ?? [])])],
    searches: [...new Set([...base.searches, ...(dnsConfig?.searches ?? [])])],
    options: [...options.values()],
  };
};

const readResolvConf = (file: string): Cri.DNSConfig => {
  const result: Cri.DNSConfig = { servers: [], searches: [], options: [] };
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // A node without a resolver file has nothing to hand on.
  }
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'nameserver' && rest[0]) result.servers.push(rest[0]);
    if (word === 'search') result.searches = rest.filter((domain) => domain !== '.');
    if (word === 'options') result.options = rest;
  }
  return result;
};
