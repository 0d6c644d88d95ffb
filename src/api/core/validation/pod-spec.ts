import { checkIp, checkOneOf, checkOptionalOneOf, checkText } from '../../meta/checks.ts';
import { duplicate, type FieldError, forbidden, invalid, required, tooLong } from '../../meta/field-error.ts';
import { dnsLabelProblems, dnsSubdomainProblems, qualifiedNameProblems } from '../../meta/names.ts';
import { validateAnnotations, validateLabels } from '../../meta/object-meta.ts';
import type { PodSpec, PodTemplateSpec } from '../../types/core-v1.ts';
import { checkContainers, checkEphemeralContainers, checkInitContainers } from './containers.ts';
import { checkResources } from './resources.ts';
import { checkAffinity, checkSpreadConstraints, checkTolerations } from './scheduling.ts';
import { checkPodSecurity } from './security.ts';
import { checkVolumes } from './volumes.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const MAX_DEADLINE_SECONDS = 2 ** 31 - 1;

/** The spec of a pod or of a template, with its defaults set. */
export const checkPodSpec = (errors: FieldError[], at: string, spec: PodSpec, options: { isPod: boolean }): void => {
  const graceSeconds = spec.terminationGracePeriodSeconds ?? 0;
  const volumes = checkVolumes(errors, `${at}.volumes`, spec.volumes ?? []);
  const context = { volumes, graceSeconds };
  checkContainers(errors, `${at}.containers`, spec.containers ?? [], context);
  if (spec.initContainers) checkInitContainers(errors, `${at}.initContainers`, spec, context);
  if (spec.ephemeralContainers) checkEphemeralContainers(errors, `${at}.ephemeralContainers`, spec, context);
  checkResources(errors, `${at}.resources`, spec.resources);
  if (spec.hostNetwork) checkHostNetwork(errors, at, spec, options);
  checkOneOf(errors, `${at}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES);
  checkOneOf(errors, `${at}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES);
  errors.push(...validateLabels(spec.nodeSelector, `${at}.nodeSelector`));
  checkPodSecurity(errors, `${at}.securityContext`, spec);
  if (spec.affinity) checkAffinity(errors, `${at}.affinity`, spec.affinity);
  checkDns(errors, `${at}.dnsConfig`, spec);
  for (const [index, { conditionType }] of (spec.readinessGates ?? []).entries())
    checkText(errors, `${at}.readinessGates[${index}].conditionType`, conditionType, qualifiedNameProblems);
  checkGates(errors, `${at}.schedulingGates`, spec);
  if (spec.topologySpreadConstraints) checkSpreadConstraints(errors, `${at}.topologySpreadConstraints`, spec.topologySpreadConstraints);
  checkNames(errors, at, spec);
  if (spec.tolerations) checkTolerations(errors, `${at}.tolerations`, spec.tolerations);
  for (const [index, { ip, hostnames }] of (spec.hostAliases ?? []).entries()) {
    checkIp(errors, `${at}.hostAliases[${index}].ip`, ip);
    for (const [position, name] of (hostnames ?? []).entries())
      checkText(errors, `${at}.hostAliases[${index}].hostnames[${position}]`, name, dnsSubdomainProblems);
  }
  checkOptionalOneOf(errors, `${at}.preemptionPolicy`, spec.preemptionPolicy, ['Never', 'PreemptLowerPriority']);
  if (spec.os) checkOneOf(errors, `${at}.os.name`, spec.os.name, ['linux', 'windows']);
};

const checkNames = (errors: FieldError[], at: string, spec: PodSpec): void => {
  if (spec.serviceAccountName) checkText(errors, `${at}.serviceAccountName`, spec.serviceAccountName, dnsSubdomainProblems);
  if (spec.nodeName) checkText(errors, `${at}.nodeName`, spec.nodeName, dnsSubdomainProblems);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_DEADLINE_SECONDS))
    errors.push(invalid(`${at}.activeDeadlineSeconds`, deadline, `must be between 1 and ${MAX_DEADLINE_SECONDS}, inclusive`));
  if (spec.hostname) checkText(errors, `${at}.hostname`, spec.hostname, dnsLabelProblems);
  if (spec.subdomain) checkText(errors, `${at}.subdomain`, spec.subdomain, dnsLabelProblems);
  checkHostnameOverride(errors, `${at}.hostnameOverride`, spec);
  if (spec.priorityClassName) checkText(errors, `${at}.priorityClassName`, spec.priorityClassName, dnsSubdomainProblems);
  if (spec.runtimeClassName !== undefined) checkText(errors, `${at}.runtimeClassName`, spec.runtimeClassName, dnsSubdomainProblems);
};

/** Linux takes no longer name. */
const MAX_HOSTNAME = 64;

const checkHostnameOverride = (errors: FieldError[], at: string, { hostnameOverride, setHostnameAsFQDN, hostNetwork }: PodSpec): void => {
  if (hostnameOverride === undefined) return;
  if (setHostnameAsFQDN) errors.push(forbidden(at, 'may not be specified when setHostnameAsFQDN is true'));
  if (hostNetwork) errors.push(forbidden(at, 'may not be specified when hostNetwork is true'));
  if (hostnameOverride.length > MAX_HOSTNAME) errors.push(tooLong(at, MAX_HOSTNAME));
  checkText(errors, at, hostnameOverride, dnsSubdomainProblems);
};

const checkHostNetwork = (errors: FieldError[], at: string, spec: PodSpec, { isPod }: { isPod: boolean }): void => {
  for (const [index, container] of (spec.containers ?? []).entries())
    for (const [position, { hostPort = 0, containerPort }] of (container.ports ?? []).entries())
      if ((isPod || hostPort !== 0) && hostPort !== containerPort)
        errors.push(
          invalid(
            `${at}.containers[${index}].ports[${position}].hostPort`,
            hostPort,
            'must match `containerPort` when `hostNetwork` is true',
          ),
        );
};

const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;

const checkDns = (errors: FieldError[], at: string, { dnsConfig, dnsPolicy }: PodSpec): void => {
  if (dnsPolicy === 'None') {
    if (!dnsConfig) errors.push(required(at, 'must provide `dnsConfig` when `dnsPolicy` is None'));
    else if (!dnsConfig.nameservers?.length)
      errors.push(required(`${at}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
  }
  if (!dnsConfig) return;
  const { nameservers = [], searches = [], options = [] } = dnsConfig;
  if (nameservers.length > MAX_NAMESERVERS)
    errors.push(invalid(`${at}.nameservers`, nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`));
  for (const [index, address] of nameservers.entries()) checkIp(errors, `${at}.nameservers[${index}]`, address);
  if (searches.length > MAX_SEARCHES)
    errors.push(invalid(`${at}.searches`, searches, `must not have more than ${MAX_SEARCHES} search paths`));
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS)
    errors.push(
      invalid(
        `${at}.searches`,
        searches,
        `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`,
      ),
    );
  for (const [index, search] of searches.entries())
    if (search !== '.') checkText(errors, `${at}.searches[${index}]`, search.replace(/\.$/, ''), searchProblems);
  for (const [index, option] of options.entries()) if (!option.name) errors.push(required(`${at}.options[${index}]`, 'must not be empty'));
};

/** Search domains may begin with an underscore. */
const searchProblems = (search: string): readonly string[] => dnsSubdomainProblems(search.replaceAll('_', 'a'));

const checkGates = (errors: FieldError[], at: string, spec: PodSpec): void => {
  const seen = new Set<string>();
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    checkText(errors, `${at}[${index}]`, name, qualifiedNameProblems);
    if (seen.has(name)) errors.push(duplicate(`${at}[${index}]`, name));
    seen.add(name);
  }
};

/** A pod template of a workload. */
export const checkPodTemplate = (errors: FieldError[], at: string, template: PodTemplateSpec | undefined): void => {
  errors.push(...validateLabels(template?.metadata?.labels, `${at}.labels`));
  errors.push(...validateAnnotations(template?.metadata?.annotations, `${at}.annotations`));
  checkPodSpec(errors, `${at}.spec`, template?.spec ?? { containers: [] }, { isPod: false });
  if (template?.spec?.ephemeralContainers?.length)
    errors.push({
      type: 'FieldValueForbidden',
      field: `${at}.spec.ephemeralContainers`,
      message: 'Forbidden: ephemeral containers not allowed in pod template',
    });
};
