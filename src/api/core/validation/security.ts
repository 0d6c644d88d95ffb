import { checkOptionalOneOf } from '../../meta/checks.ts';
import { type FieldError, invalid, notSupported, required } from '../../meta/field-error.ts';
import type { PodSpec, SeccompProfile, SecurityContext } from '../../types/core-v1.ts';
import { checkDescendingPath } from './volumes.ts';

const MAX_ID = 2 ** 31 - 1;

const checkId = (errors: FieldError[], at: string, id: number | undefined): void => {
  if (id !== undefined && (id < 0 || id > MAX_ID)) errors.push(invalid(at, id, `must be between 0 and ${MAX_ID}, inclusive`));
};

const SECCOMP_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];

const checkSeccomp = (errors: FieldError[], at: string, profile: SeccompProfile | undefined): void => {
  if (!profile) return;
  if (!profile.type) errors.push(required(`${at}.type`, 'type is required when seccompProfile is set'));
  else if (!SECCOMP_TYPES.includes(profile.type)) errors.push(notSupported(`${at}.type`, profile.type, SECCOMP_TYPES));
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined)
      errors.push(required(`${at}.localhostProfile`, 'must be set when seccomp type is Localhost'));
    else checkDescendingPath(errors, `${at}.localhostProfile`, profile.localhostProfile);
  } else if (profile.localhostProfile !== undefined)
    errors.push(invalid(`${at}.localhostProfile`, profile, 'can only be set when seccomp type is Localhost'));
};

export const checkContainerSecurity = (errors: FieldError[], at: string, context: SecurityContext | undefined): void => {
  if (!context) return;
  checkId(errors, `${at}.runAsUser`, context.runAsUser);
  checkId(errors, `${at}.runAsGroup`, context.runAsGroup);
  checkOptionalOneOf(errors, `${at}.procMount`, context.procMount, ['Default', 'Unmasked']);
  checkSeccomp(errors, `${at}.seccompProfile`, context.seccompProfile);
  if (context.allowPrivilegeEscalation !== false) return;
  if (context.privileged) errors.push(invalid(at, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
  if (context.capabilities?.add?.includes('CAP_SYS_ADMIN'))
    errors.push(invalid(at, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
};

const SYSCTL = /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/;

export const checkPodSecurity = (errors: FieldError[], at: string, spec: PodSpec): void => {
  const context = spec.securityContext;
  if (!context) return;
  checkId(errors, `${at}.fsGroup`, context.fsGroup);
  checkId(errors, `${at}.runAsUser`, context.runAsUser);
  checkId(errors, `${at}.runAsGroup`, context.runAsGroup);
  for (const [index, id] of (context.supplementalGroups ?? []).entries()) checkId(errors, `${at}.supplementalGroups[${index}]`, id);
  if (spec.shareProcessNamespace && spec.hostPID)
    errors.push(invalid(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  const names = new Set<string>();
  for (const [index, { name }] of (context.sysctls ?? []).entries()) {
    const here = `${at}.sysctls[${index}].name`;
    if (!name) errors.push(required(here));
    else if (!SYSCTL.test(name) || name.length > 253)
      errors.push(
        invalid(
          here,
          name,
          'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
        ),
      );
    else if (names.has(name))
      errors.push({ type: 'FieldValueDuplicate', field: here, message: `Duplicate value: ${JSON.stringify(name)}` });
    names.add(name);
  }
  checkOptionalOneOf(errors, `${at}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  checkSeccomp(errors, `${at}.seccompProfile`, context.seccompProfile);
  checkOptionalOneOf(errors, `${at}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']);
};
