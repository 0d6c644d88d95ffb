import { checkOneOf, checkOptionalOneOf, checkText } from '../../meta/checks.ts';
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts';
import { configKeyProblems, dnsLabelProblems, dnsSubdomainProblems, portNameProblems, portNumberProblems } from '../../meta/names.ts';
import type { Container, ContainerPort, EnvFromSource, EnvVar, EphemeralContainer, PodSpec, VolumeMount } from '../../types/core-v1.ts';
import { checkFieldRef, checkResourceFieldRef, ENV_FIELD_PATHS } from './field-references.ts';
import { checkLifecycle, checkProbes } from './handlers.ts';
import { checkResources } from './resources.ts';
import { checkContainerSecurity } from './security.ts';
import { checkDescendingPath } from './volumes.ts';

export const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];

interface PodContext {
  volumes: ReadonlySet<string>;
  graceSeconds: number;
}

export const checkContainers = (errors: FieldError[], at: string, containers: readonly Container[], context: PodContext): void => {
  if (containers.length === 0) errors.push(required(at));
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const here = `${at}[${index}]`;
    checkCommon(errors, here, container, context);
    if (names.has(container.name)) errors.push(duplicate(`${here}.name`, container.name));
    names.add(container.name);
    checkLifecycle(errors, `${here}.lifecycle`, container.lifecycle, context.graceSeconds);
    checkProbes(errors, here, container, context.graceSeconds);
    checkRestartPolicy(errors, here, container);
  }
  checkHostPorts(errors, at, containers);
};

const ONLY_SIDECARS = 'may not be set for init containers without restartPolicy=Always';

export const checkInitContainers = (errors: FieldError[], at: string, spec: PodSpec, context: PodContext): void => {
  const names = new Set((spec.containers ?? []).map(({ name }) => name));
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const here = `${at}[${index}]`;
    checkCommon(errors, here, container, context);
    checkRestartPolicy(errors, here, container);
    if (names.has(container.name)) errors.push(duplicate(`${here}.name`, container.name));
    else if (container.name) names.add(container.name);
    checkHostPorts(errors, at, [container]);
    if (container.restartPolicy === 'Always') {
      checkLifecycle(errors, `${here}.lifecycle`, container.lifecycle, context.graceSeconds);
      checkProbes(errors, here, container, context.graceSeconds);
      continue;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
      if (container[field]) errors.push(forbidden(`${here}.${field}`, ONLY_SIDECARS));
  }
};

const EPHEMERAL_FORBIDDEN = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resizePolicy'] as const;

export const checkEphemeralContainers = (errors: FieldError[], at: string, spec: PodSpec, context: PodContext): void => {
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name));
  const names = new Set<string>();
  for (const [index, container] of (spec.ephemeralContainers ?? []).entries()) {
    const here = `${at}[${index}]`;
    checkCommon(errors, here, container, context);
    if (names.has(container.name) || others.has(container.name)) errors.push(duplicate(`${here}.name`, container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target))
      errors.push({ type: 'FieldValueNotFound', field: `${here}.targetContainerName`, message: `Not found: ${JSON.stringify(target)}` });
    for (const field of EPHEMERAL_FORBIDDEN)
      if (container[field]) errors.push(forbidden(`${here}.${field}`, 'cannot be set for an Ephemeral Container'));
    if (Object.keys(container.resources ?? {}).length > 0)
      errors.push(forbidden(`${here}.resources`, 'cannot be set for an Ephemeral Container'));
  }
};

const checkCommon = (errors: FieldError[], at: string, container: Container | EphemeralContainer, { volumes }: PodContext): void => {
  if (!container.name) errors.push(required(`${at}.name`));
  else checkText(errors, `${at}.name`, container.name, dnsLabelProblems);
  if (!container.image) errors.push(required(`${at}.image`));
  checkOneOf(errors, `${at}.terminationMessagePolicy`, container.terminationMessagePolicy, MESSAGE_POLICIES);
  if (container.ports) checkPorts(errors, `${at}.ports`, container.ports);
  if (container.env) checkEnv(errors, `${at}.env`, container.env);
  if (container.envFrom) checkEnvFrom(errors, `${at}.envFrom`, container.envFrom);
  if (container.volumeMounts) checkMounts(errors, `${at}.volumeMounts`, container, volumes);
  checkOneOf(errors, `${at}.imagePullPolicy`, container.imagePullPolicy, PULL_POLICIES);
  checkResources(errors, `${at}.resources`, container.resources);
  checkContainerSecurity(errors, `${at}.securityContext`, container.securityContext);
};

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];

const checkRestartPolicy = (errors: FieldError[], at: string, container: Container): void => {
  checkOptionalOneOf(errors, `${at}.restartPolicy`, container.restartPolicy, RESTART_POLICIES);
  if (container.restartPolicyRules?.length && container.restartPolicy === undefined)
    errors.push(required(`${at}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
};

const checkPorts = (errors: FieldError[], at: string, ports: readonly ContainerPort[]): void => {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const here = `${at}[${index}]`;
    if (port.name) {
      const problems = portNameProblems(port.name);
      for (const problem of problems) errors.push(invalid(`${here}.name`, port.name, problem));
      if (problems.length === 0 && names.has(port.name)) errors.push(duplicate(`${here}.name`, port.name));
      names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(`${here}.containerPort`));
    else
      for (const problem of portNumberProblems(port.containerPort))
        errors.push(invalid(`${here}.containerPort`, port.containerPort, problem));
    if (port.hostPort)
      for (const problem of portNumberProblems(port.hostPort)) errors.push(invalid(`${here}.hostPort`, port.hostPort, problem));
    checkOneOf(errors, `${here}.protocol`, port.protocol, PROTOCOLS);
  }
};

const checkHostPorts = (errors: FieldError[], at: string, containers: readonly Container[]): void => {
  const taken = new Set<string>();
  for (const [index, container] of containers.entries())
    for (const [position, port] of (container.ports ?? []).entries()) {
      if (!port.hostPort) continue;
      const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(key)) errors.push(duplicate(`${at}[${index}].ports[${position}].hostPort`, key));
      taken.add(key);
    }
};

const ENV_NAME = /^[ -<>-~]+$/;

const checkEnvName = (errors: FieldError[], at: string, name: string): void => {
  if (!ENV_NAME.test(name))
    errors.push(invalid(at, name, "a valid environment variable name must consist only of printable ASCII characters other than '='"));
};

const checkEnv = (errors: FieldError[], at: string, variables: readonly EnvVar[]): void => {
  for (const [index, variable] of variables.entries()) {
    const here = `${at}[${index}]`;
    if (!variable.name) errors.push(required(`${here}.name`));
    else checkEnvName(errors, `${here}.name`, variable.name);
    if (variable.valueFrom) checkEnvSource(errors, `${here}.valueFrom`, variable, variable.valueFrom);
  }
};

const checkEnvSource = (errors: FieldError[], at: string, variable: EnvVar, source: NonNullable<EnvVar['valueFrom']>): void => {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef) checkFieldRef(errors, `${at}.fieldRef`, fieldRef, ENV_FIELD_PATHS);
  if (resourceFieldRef) checkResourceFieldRef(errors, `${at}.resourceFieldRef`, resourceFieldRef, { needsContainer: false });
  if (configMapKeyRef) checkKeyRef(errors, `${at}.configMapKeyRef`, configMapKeyRef);
  if (secretKeyRef) checkKeyRef(errors, `${at}.secretKeyRef`, secretKeyRef);
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  if (count === 0)
    errors.push(invalid(at, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'));
  else if (variable.value) errors.push(invalid(at, '', 'may not be specified when `value` is not empty'));
  else if (count > 1) errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
};

const checkKeyRef = (errors: FieldError[], at: string, reference: { name?: string; key: string }): void => {
  if (!reference.name) errors.push(required(`${at}.name`));
  else checkText(errors, `${at}.name`, reference.name, dnsSubdomainProblems);
  if (!reference.key) errors.push(required(`${at}.key`));
  else checkText(errors, `${at}.key`, reference.key, configKeyProblems);
};

const checkEnvFrom = (errors: FieldError[], at: string, sources: readonly EnvFromSource[]): void => {
  for (const [index, { prefix, configMapRef, secretRef }] of sources.entries()) {
    const here = `${at}[${index}]`;
    if (prefix) checkEnvName(errors, `${here}.prefix`, prefix);
    for (const [kind, reference] of Object.entries({ configMapRef, secretRef })) {
      if (!reference) continue;
      if (!reference.name) errors.push(required(`${here}.${kind}.name`));
      else checkText(errors, `${here}.${kind}.name`, reference.name, dnsSubdomainProblems);
    }
    if (!configMapRef && !secretRef) errors.push(invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (configMapRef && secretRef) errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
  }
};

const checkMounts = (errors: FieldError[], at: string, container: Container | EphemeralContainer, volumes: ReadonlySet<string>): void => {
  const paths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const here = `${at}[${index}]`;
    if (!mount.name) errors.push(required(`${here}.name`));
    if (!volumes.has(mount.name))
      errors.push({ type: 'FieldValueNotFound', field: `${here}.name`, message: `Not found: ${JSON.stringify(mount.name)}` });
    if (!mount.mountPath) errors.push(required(`${here}.mountPath`));
    if (paths.has(mount.mountPath)) errors.push(invalid(`${here}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    if (mount.subPath) checkDescendingPath(errors, `${at}.subPath`, mount.subPath);
    if (mount.subPathExpr) {
      if (mount.subPath) errors.push(invalid(`${here}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      checkDescendingPath(errors, `${at}.subPathExpr`, mount.subPathExpr);
    }
    checkPropagation(errors, `${at}.mountPropagation`, mount, container);
  }
};

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];

const checkPropagation = (errors: FieldError[], at: string, mount: VolumeMount, container: Container | EphemeralContainer): void => {
  const { mountPropagation } = mount;
  if (mountPropagation === undefined) return;
  if (!PROPAGATIONS.includes(mountPropagation)) errors.push(notSupported(at, mountPropagation, PROPAGATIONS));
  else if (mountPropagation === 'Bidirectional' && !container.securityContext?.privileged)
    errors.push(forbidden(at, 'Bidirectional mount propagation is available only to privileged containers'));
};
