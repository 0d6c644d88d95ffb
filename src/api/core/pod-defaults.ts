/** Defaults of pods and pod templates that the schema table does not say. Idempotent, in place. */
import type { Container, EphemeralContainer, LifecycleHandler, PodSpec, Probe, Volume } from '../types/core-v1.ts';
import { setClaimSpecDefaults } from './persistent-volume-claim-defaults.ts';

const FILE_MODE = 0o644;
const TOKEN_SECONDS = 3600;

/** For the spec of a pod or of a template. */
export const setPodSpecDefaults = (spec: PodSpec): void => {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  if (spec.volumes) for (const volume of spec.volumes) setVolumeDefaults(volume);
  if (spec.initContainers) for (const container of spec.initContainers) setContainerDefaults(container);
  if (spec.containers) for (const container of spec.containers) setContainerDefaults(container);
  if (spec.ephemeralContainers) for (const container of spec.ephemeralContainers) setContainerDefaults(container);
};

/** What only pods get, not templates. */
export const setPodDefaults = (spec: PodSpec): void => {
  spec.enableServiceLinks ??= true;
  // Was let in once; templates still may have it.
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  for (const container of spec.containers ?? []) defaultRequests(container);
  for (const container of spec.initContainers ?? []) defaultRequests(container);
  if (!spec.hostNetwork) return;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])])
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
};

const defaultRequests = (container: Container): void => {
  const { resources } = container;
  if (!resources?.limits) return;
  resources.requests ??= {};
  for (const [name, limit] of Object.entries(resources.limits)) resources.requests[name] ??= limit;
};

const setContainerDefaults = (container: Container | EphemeralContainer): void => {
  container.imagePullPolicy ||= pullPolicyOf(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  if (container.env) for (const { valueFrom } of container.env) if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
  if (container.livenessProbe) setProbeDefaults(container.livenessProbe);
  if (container.readinessProbe) setProbeDefaults(container.readinessProbe);
  if (container.startupProbe) setProbeDefaults(container.startupProbe);
  setHandlerDefaults(container.lifecycle?.postStart);
  setHandlerDefaults(container.lifecycle?.preStop);
};

/** `Always` for `latest` and for no tag at all; a digest alone does not move. */
const pullPolicyOf = (image: string): string => {
  const digest = image.indexOf('@');
  const name = digest < 0 ? image : image.slice(0, digest);
  const colon = name.lastIndexOf(':');
  const tag = colon > name.lastIndexOf('/') ? name.slice(colon + 1) : digest < 0 ? 'latest' : '';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
};

const setProbeDefaults = (probe: Probe): void => {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  setHandlerDefaults(probe);
  if (probe.grpc) probe.grpc.service ??= '';
};

const setHandlerDefaults = (handler: LifecycleHandler | undefined): void => {
  if (!handler?.httpGet) return;
  handler.httpGet.path ||= '/';
  handler.httpGet.scheme ||= 'HTTP';
};

const setVolumeDefaults = (volume: Volume): void => {
  if (Object.keys(volume).length === 1) volume.emptyDir = {};
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.secret) volume.secret.defaultMode ??= FILE_MODE;
  if (volume.configMap) volume.configMap.defaultMode ??= FILE_MODE;
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= FILE_MODE;
    for (const { fieldRef } of volume.downwardAPI.items ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1';
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= FILE_MODE;
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_SECONDS;
      for (const { fieldRef } of source.downwardAPI?.items ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1';
    }
  }
  if (volume.image) volume.image.pullPolicy ||= pullPolicyOf(volume.image.reference ?? '');
  if (volume.ephemeral?.volumeClaimTemplate?.spec) setClaimSpecDefaults(volume.ephemeral.volumeClaimTemplate.spec);
};
