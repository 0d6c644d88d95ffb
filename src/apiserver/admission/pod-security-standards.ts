import type { Container, Pod } from '../../api/types/core-v1.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

type Spec = NonNullable<Pod['spec']>;
type Check = (spec: Spec, containers: readonly Container[], annotations: Readonly<Record<string, string>>) => string | undefined;

const BASELINE_CAPABILITIES = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);
const SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);
const RESTRICTED_VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
  'image',
];

const quotedList = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ');
const containersText = (bad: readonly Container[]): string =>
  `${bad.length === 1 ? 'container' : 'containers'} ${quotedList(bad.map((one) => one.name))}`;

/** `baseline`: what lets a container out of its box. */
const BASELINE: readonly Check[] = [
  (spec) => {
    const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name]);
    return used.length ? `host namespaces (${used.map((name) => `${name}=true`).join(', ')})` : undefined;
  },
  (_spec, containers) => {
    const bad = containers.filter((one) => one.securityContext?.privileged);
    return bad.length ? `privileged (${containersText(bad)} must not set securityContext.privileged=true)` : undefined;
  },
  (_spec, containers) => {
    const bad = containers.filter((one) => one.securityContext?.capabilities?.add?.some((name) => !BASELINE_CAPABILITIES.has(name)));
    const names = [
      ...new Set(bad.flatMap((one) => one.securityContext?.capabilities?.add ?? []).filter((name) => !BASELINE_CAPABILITIES.has(name))),
    ].sort();
    return bad.length
      ? `non-default capabilities (${containersText(bad)} must not include ${quotedList(names)} in securityContext.capabilities.add)`
      : undefined;
  },
  (spec) => {
    const bad = (spec.volumes ?? []).filter((volume) => volume.hostPath).map((volume) => volume.name);
    return bad.length ? `hostPath volumes (${bad.length === 1 ? 'volume' : 'volumes'} ${quotedList(bad)})` : undefined;
  },
  (_spec, containers) => {
    const bad = containers.filter((one) => one.ports?.some((port) => port.hostPort));
    const ports = bad.flatMap((one) => one.ports ?? []).flatMap((port) => (port.hostPort ? [port.hostPort] : []));
    return bad.length
      ? `hostPort (${containersText(bad)} ${bad.length === 1 ? 'uses' : 'use'} ${ports.length === 1 ? 'hostPort' : 'hostPorts'} ${ports.join(', ')})`
      : undefined;
  },
  (spec, containers) => {
    const types = [spec.securityContext, ...containers.map((one) => one.securityContext)].flatMap((one) =>
      one?.seccompProfile?.type === 'Unconfined' ? ['Unconfined'] : [],
    );
    return types.length ? 'seccompProfile (pod or containers must not set securityContext.seccompProfile.type to "Unconfined")' : undefined;
  },
  (_spec, containers) => {
    const bad = containers.filter((one) => one.securityContext?.procMount && one.securityContext.procMount !== 'Default');
    return bad.length ? `procMount (${containersText(bad)} must not set securityContext.procMount to "Unmasked")` : undefined;
  },
  (spec) => {
    const bad = (spec.securityContext?.sysctls ?? []).map((one) => one.name).filter((name) => !SYSCTLS.has(name));
    return bad.length ? `forbidden sysctls (${bad.join(', ')})` : undefined;
  },
  (_spec, _containers, annotations) => {
    const bad = Object.entries(annotations).filter(
      ([key, value]) =>
        key.startsWith('container.apparmor.security.beta.kubernetes.io/') && value !== 'runtime/default' && !value.startsWith('localhost/'),
    );
    return bad.length
      ? `forbidden AppArmor profiles (${bad.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(', ')})`
      : undefined;
  },
  (spec, containers) => {
    const bad = [spec.securityContext, ...containers.map((one) => one.securityContext)].some(
      (one) =>
        one?.seLinuxOptions?.user ||
        one?.seLinuxOptions?.role ||
        (one?.seLinuxOptions?.type && !/^container(_(init|kvm|engine))?_t$/.test(one.seLinuxOptions.type)),
    );
    return bad ? 'seLinuxOptions (pod or containers set forbidden securityContext.seLinuxOptions)' : undefined;
  },
];

/** `restricted`: what a careful container does not need. */
const RESTRICTED: readonly Check[] = [
  (_spec, containers) => {
    const bad = containers.filter((one) => one.securityContext?.allowPrivilegeEscalation !== false);
    return bad.length
      ? `allowPrivilegeEscalation != false (${containersText(bad)} must set securityContext.allowPrivilegeEscalation=false)`
      : undefined;
  },
  (_spec, containers) => {
    const undropped = containers.filter((one) => !one.securityContext?.capabilities?.drop?.includes('ALL'));
    if (undropped.length)
      return `unrestricted capabilities (${containersText(undropped)} must set securityContext.capabilities.drop=["ALL"])`;
    const adding = containers.filter((one) => one.securityContext?.capabilities?.add?.some((name) => name !== 'NET_BIND_SERVICE'));
    return adding.length
      ? `unrestricted capabilities (${containersText(adding)} must not include capabilities other than "NET_BIND_SERVICE" in securityContext.capabilities.add)`
      : undefined;
  },
  (spec) => {
    const bad = (spec.volumes ?? []).filter(
      (volume) => !RESTRICTED_VOLUMES.some((type) => (volume as unknown as Record<string, unknown>)[type] !== undefined),
    );
    return bad.length
      ? `restricted volume types (${bad.length === 1 ? 'volume' : 'volumes'} ${quotedList(bad.map((one) => one.name))} uses a restricted volume type)`
      : undefined;
  },
  (spec, containers) => {
    const ofPod = spec.securityContext?.runAsNonRoot;
    const bad = containers.filter((one) => (one.securityContext?.runAsNonRoot ?? ofPod) !== true);
    return bad.length ? `runAsNonRoot != true (pod or ${containersText(bad)} must set securityContext.runAsNonRoot=true)` : undefined;
  },
  (spec, containers) => {
    const bad = spec.securityContext?.runAsUser === 0 || containers.some((one) => one.securityContext?.runAsUser === 0);
    return bad ? 'runAsUser=0 (pod or containers must not set runAsUser=0)' : undefined;
  },
  (spec, containers) => {
    const isSet = (type: string | undefined): boolean => type === 'RuntimeDefault' || type === 'Localhost';
    const ofPod = spec.securityContext?.seccompProfile?.type;
    const bad = containers.filter((one) => !isSet(one.securityContext?.seccompProfile?.type ?? ofPod));
    return bad.length
      ? `seccompProfile (pod or ${containersText(bad)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`
      : undefined;
  },
];

/** Why a pod does not meet a level, in upstream's words; empty when it does. */
export const violationsOf = (spec: Spec, level: Level, annotations: Readonly<Record<string, string>>): string[] => {
  if (level === 'privileged') return [];
  const containers = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...((spec.ephemeralContainers ?? []) as unknown as Container[]),
  ];
  const checks = level === 'baseline' ? BASELINE : [...BASELINE, ...RESTRICTED];
  return checks.flatMap((check) => check(spec, containers, annotations) ?? []);
};
