import { checkNonNegative, checkOneOf, checkText } from '../../meta/checks.ts';
import { as } from '../../meta/columns.ts';
import { semanticEqual } from '../../meta/equality.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '../../meta/field-error.ts';
import { dnsLabelProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import type {
  DaemonSet,
  DaemonSetSpec,
  Deployment,
  DeploymentStrategy,
  ReplicaSet,
  StatefulSet,
  StatefulSetSpec,
} from '../../types/apps-v1.ts';
import type { ReplicationController, Volume } from '../../types/core-v1.ts';
import { checkAtMost100Percent, checkIntOrPercent, checkSelectorUnchanged, checkWorkload, isZeroAmount } from './template.ts';

const REPLICA_SET_WORDS = {
  emptySelector: 'empty selector is invalid for deployment',
  deadline: 'activeDeadlineSeconds in ReplicaSet is not Supported',
  badSelector: 'invalid label selector',
  selectorRequired: true,
};

export const validateDeployment = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<Deployment>(object).spec;
  if (!spec) return [required('spec.selector'), required('spec.template.spec.containers')];
  checkWorkload(errors, spec, REPLICA_SET_WORDS);
  checkStrategy(errors, spec.strategy ?? {});
  checkNonNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  checkNonNegative(errors, 'spec.progressDeadlineSeconds', deadline);
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    errors.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  return errors;
};

const checkStrategy = (errors: FieldError[], { type, rollingUpdate }: DeploymentStrategy): void => {
  const at = 'spec.strategy.rollingUpdate';
  if (type === 'Recreate') {
    if (rollingUpdate) errors.push(forbidden(at, "may not be specified when strategy `type` is 'Recreate'"));
  } else if (type === 'RollingUpdate') {
    const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
    checkIntOrPercent(errors, `${at}.maxUnavailable`, maxUnavailable);
    checkIntOrPercent(errors, `${at}.maxSurge`, maxSurge);
    if (isZeroAmount(maxUnavailable) && isZeroAmount(maxSurge))
      errors.push(invalid(`${at}.maxUnavailable`, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'));
    checkAtMost100Percent(errors, `${at}.maxUnavailable`, maxUnavailable);
  } else errors.push(notSupported('spec.strategy', { Type: type, RollingUpdate: rollingUpdate ?? null }, ['Recreate', 'RollingUpdate']));
};

export const validateDeploymentUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateDeployment(object);
  checkSelectorUnchanged(errors, as<Deployment>(object).spec?.selector, as<Deployment>(old).spec?.selector);
  return errors;
};

export const validateReplicaSet = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  checkWorkload(errors, as<ReplicaSet>(object).spec ?? {}, REPLICA_SET_WORDS);
  return errors;
};

export const validateReplicaSetUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateReplicaSet(object);
  checkSelectorUnchanged(errors, as<ReplicaSet>(object).spec?.selector, as<ReplicaSet>(old).spec?.selector);
  return errors;
};

export const validateReplicationController = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const { selector = {}, ...spec } = as<ReplicationController>(object).spec ?? {};
  if (Object.keys(selector).length === 0) errors.push(required('spec.selector'));
  if (!spec.template) return [...errors, required('spec.template')];
  checkWorkload(
    errors,
    { ...spec, selector: { matchLabels: selector } },
    {
      ...REPLICA_SET_WORDS,
      deadline: 'activeDeadlineSeconds in ReplicationController is not Supported',
    },
  );
  return errors;
};

export const validateDaemonSet = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<DaemonSet>(object).spec;
  if (!spec) return [required('spec.template.spec.containers')];
  checkWorkload(errors, spec, {
    emptySelector: 'empty selector is invalid for daemonset',
    deadline: 'activeDeadlineSeconds in DaemonSet is not Supported',
    badSelector: undefined,
    selectorRequired: false,
  });
  checkDaemonStrategy(errors, spec);
  checkNonNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  return errors;
};

const checkDaemonStrategy = (errors: FieldError[], { updateStrategy = {} }: DaemonSetSpec): void => {
  const { type, rollingUpdate } = updateStrategy;
  const at = 'spec.updateStrategy.rollingUpdate';
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate') {
    errors.push(notSupported('spec.updateStrategy', { Type: type, RollingUpdate: rollingUpdate ?? null }, ['RollingUpdate', 'OnDelete']));
    return;
  }
  if (!rollingUpdate) {
    errors.push(required(at));
    return;
  }
  const { maxUnavailable, maxSurge } = rollingUpdate;
  checkIntOrPercent(errors, `${at}.maxUnavailable`, maxUnavailable);
  checkIntOrPercent(errors, `${at}.maxSurge`, maxSurge);
  checkAtMost100Percent(errors, `${at}.maxUnavailable`, maxUnavailable);
  checkAtMost100Percent(errors, `${at}.maxSurge`, maxSurge);
  const [unavailable, surge] = [!isZeroAmount(maxUnavailable), !isZeroAmount(maxSurge)];
  if (unavailable && surge) errors.push(invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (!unavailable && !surge) errors.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
};

export const validateDaemonSetUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateDaemonSet(object);
  checkSelectorUnchanged(errors, as<DaemonSet>(object).spec?.selector, as<DaemonSet>(old).spec?.selector);
  return errors;
};

/** Volumes of the claim templates take the place of the template's own. */
const withClaimVolumes = (spec: StatefulSetSpec): StatefulSetSpec => {
  const claims = spec.volumeClaimTemplates ?? [];
  if (claims.length === 0 || !spec.template?.spec) return spec;
  const volumes: Volume[] = claims.map(({ metadata }) => ({
    name: metadata?.name ?? '',
    persistentVolumeClaim: { claimName: metadata?.name ?? '' },
  }));
  const names = new Set(volumes.map(({ name }) => name));
  const own = (spec.template.spec.volumes ?? []).filter(({ name }) => !names.has(name));
  return { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, volumes: [...volumes, ...own] } } };
};

export const validateStatefulSet = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  const spec = as<StatefulSet>(object).spec;
  if (!spec) return [required('spec.selector'), required('spec.template.spec.containers')];
  if (spec.podManagementPolicy !== 'OrderedReady' && spec.podManagementPolicy !== 'Parallel')
    errors.push(invalid('spec.podManagementPolicy', spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"));
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  const shown = rollingUpdate ? { Partition: rollingUpdate.partition ?? 0, MaxUnavailable: rollingUpdate.maxUnavailable ?? null } : null;
  if (type === 'OnDelete') {
    if (shown) errors.push(invalid('spec.updateStrategy.rollingUpdate', shown, "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (type === 'RollingUpdate') {
    checkNonNegative(errors, 'spec.updateStrategy.rollingUpdate.partition', rollingUpdate?.partition);
    checkIntOrPercent(errors, 'spec.updateStrategy.rollingUpdate.maxUnavailable', rollingUpdate?.maxUnavailable);
  } else errors.push(invalid('spec.updateStrategy', { Type: type, RollingUpdate: shown }, "must be 'RollingUpdate' or 'OnDelete'"));
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  if (retention)
    for (const when of ['whenDeleted', 'whenScaled'] as const)
      checkOneOf(errors, `spec.persistentVolumeClaimRetentionPolicy.${when}`, retention[when], ['Delete', 'Retain']);
  checkNonNegative(errors, 'spec.ordinals.start', spec.ordinals?.start);
  if (spec.serviceName) checkText(errors, 'spec.serviceName', spec.serviceName, dnsLabelProblems);
  checkWorkload(errors, withClaimVolumes(spec), {
    emptySelector: 'empty selector is invalid for statefulset',
    deadline: 'activeDeadlineSeconds in StatefulSet is not Supported',
    badSelector: '',
    selectorRequired: true,
  });
  return errors;
};

const STATEFUL_SET_MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

export const validateStatefulSetUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = validateStatefulSet(object);
  const before = (as<StatefulSet>(old).spec ?? {}) as Record<string, unknown>;
  const munged: Record<string, unknown> = { ...as<StatefulSet>(object).spec };
  for (const field of STATEFUL_SET_MUTABLE) munged[field] = before[field];
  if (!semanticEqual(munged, before))
    errors.push(
      forbidden(
        'spec',
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      ),
    );
  return errors;
};
