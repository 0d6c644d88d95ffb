/**
 * Every built-in kind, and the doors of the resource model. The model is pure: no I/O, no clock.
 *
 *   scheme.ts      SCHEME.byResource(group, version, plural), .byKind(group, version, kind), .byShortName('po'), .kinds
 *   decode.ts      decodeObject(kind, raw, {fieldValidation, text?, applied?}) -> {object, warnings}; prunes, checks types, sets defaults
 *   strategy.ts    prepareForCreate/Update/StatusUpdate and validateCreate/Update/StatusUpdate for any kind (metadata included)
 *   patch/patch.ts applyPatch(kind, current, contentType, patch) for JSON, merge and strategic merge patches
 *   patch/apply.ts serverSideApply(kind, live, applied, {manager, force, now, subresource?}) and trackManagedFields(...) for other writes
 *   table.ts       tableFor(kind, objects, {now, includeObject, listMeta}) -> Table
 *   discovery.ts   apiVersions(), apiGroupList(kinds), apiResourceList(kinds, group, version), aggregatedDiscovery(kinds, root)
 *   openapi.ts     openApiIndex(kinds, hashOf), openApiDocument(kinds, group, version, customSchemas?)
 *   meta/quantity.ts, meta/selector.ts, meta/names.ts, meta/yaml.ts, meta/columns.ts
 */

import { mutatingAdmissionPolicy } from './admissionregistration/mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBinding } from './admissionregistration/mutating-admission-policy-binding.ts';
import { mutatingWebhookConfiguration } from './admissionregistration/mutating-webhook-configuration.ts';
import { validatingAdmissionPolicy } from './admissionregistration/validating-admission-policy.ts';
import { validatingAdmissionPolicyBinding } from './admissionregistration/validating-admission-policy-binding.ts';
import { validatingWebhookConfiguration } from './admissionregistration/validating-webhook-configuration.ts';
import { customResourceDefinition } from './apiextensions/custom-resource-definition.ts';
import { apiService } from './apiregistration/api-service.ts';
import { controllerRevision } from './apps/controller-revision.ts';
import { daemonSet } from './apps/daemon-set.ts';
import { deployment } from './apps/deployment.ts';
import { replicaSet } from './apps/replica-set.ts';
import { statefulSet } from './apps/stateful-set.ts';
import { selfSubjectReview } from './authentication/self-subject-review.ts';
import { tokenReview } from './authentication/token-review.ts';
import { localSubjectAccessReview } from './authorization/local-subject-access-review.ts';
import { selfSubjectAccessReview } from './authorization/self-subject-access-review.ts';
import { selfSubjectRulesReview } from './authorization/self-subject-rules-review.ts';
import { subjectAccessReview } from './authorization/subject-access-review.ts';
import { horizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts';
import { horizontalPodAutoscalerV1 } from './autoscaling/horizontal-pod-autoscaler-v1.ts';
import { cronJob } from './batch/cron-job.ts';
import { job } from './batch/job.ts';
import { certificateSigningRequest } from './certificates/certificate-signing-request.ts';
import { lease } from './coordination/lease.ts';
import { binding } from './core/binding.ts';
import { componentStatus } from './core/component-status.ts';
import { configMap } from './core/config-map.ts';
import { endpoints } from './core/endpoints.ts';
import { event } from './core/event.ts';
import { limitRange } from './core/limit-range.ts';
import { namespace } from './core/namespace.ts';
import { node } from './core/node.ts';
import { persistentVolume } from './core/persistent-volume.ts';
import { persistentVolumeClaim } from './core/persistent-volume-claim.ts';
import { pod } from './core/pod.ts';
import { podTemplate } from './core/pod-template.ts';
import { replicationController } from './core/replication-controller.ts';
import { resourceQuota } from './core/resource-quota.ts';
import { secret } from './core/secret.ts';
import { service } from './core/service.ts';
import { serviceAccount } from './core/service-account.ts';
import { endpointSlice } from './discovery/endpoint-slice.ts';
import { event as eventsEvent } from './events/event.ts';
import { flowSchema } from './flowcontrol/flow-schema.ts';
import { priorityLevelConfiguration } from './flowcontrol/priority-level-configuration.ts';
import type { Kind } from './kind.ts';
import { ingress } from './networking/ingress.ts';
import { ingressClass } from './networking/ingress-class.ts';
import { ipAddress } from './networking/ip-address.ts';
import { networkPolicy } from './networking/network-policy.ts';
import { serviceCidr } from './networking/service-cidr.ts';
import { runtimeClass } from './node/runtime-class.ts';
import { podDisruptionBudget } from './policy/pod-disruption-budget.ts';
import { clusterRole } from './rbac/cluster-role.ts';
import { clusterRoleBinding } from './rbac/cluster-role-binding.ts';
import { role } from './rbac/role.ts';
import { roleBinding } from './rbac/role-binding.ts';
import { deviceClass } from './resource/device-class.ts';
import { resourceClaim } from './resource/resource-claim.ts';
import { resourceClaimTemplate } from './resource/resource-claim-template.ts';
import { resourceSlice } from './resource/resource-slice.ts';
import { priorityClass } from './scheduling/priority-class.ts';
import { csiDriver } from './storage/csi-driver.ts';
import { csiNode } from './storage/csi-node.ts';
import { csiStorageCapacity } from './storage/csi-storage-capacity.ts';
import { storageClass } from './storage/storage-class.ts';
import { volumeAttachment } from './storage/volume-attachment.ts';
import { volumeAttributesClass } from './storage/volume-attributes-class.ts';

const BUILT_IN: readonly Kind[] = [
  binding,
  componentStatus,
  configMap,
  endpoints,
  event,
  limitRange,
  namespace,
  node,
  persistentVolumeClaim,
  persistentVolume,
  pod,
  podTemplate,
  replicationController,
  resourceQuota,
  secret,
  serviceAccount,
  service,
  apiService,
  controllerRevision,
  daemonSet,
  deployment,
  replicaSet,
  statefulSet,
  eventsEvent,
  selfSubjectReview,
  tokenReview,
  localSubjectAccessReview,
  selfSubjectAccessReview,
  selfSubjectRulesReview,
  subjectAccessReview,
  horizontalPodAutoscaler,
  horizontalPodAutoscalerV1,
  cronJob,
  job,
  certificateSigningRequest,
  ingressClass,
  ingress,
  ipAddress,
  networkPolicy,
  serviceCidr,
  podDisruptionBudget,
  clusterRoleBinding,
  clusterRole,
  roleBinding,
  role,
  csiDriver,
  csiNode,
  csiStorageCapacity,
  storageClass,
  volumeAttachment,
  volumeAttributesClass,
  mutatingAdmissionPolicy,
  mutatingAdmissionPolicyBinding,
  mutatingWebhookConfiguration,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
  validatingWebhookConfiguration,
  customResourceDefinition,
  priorityClass,
  lease,
  runtimeClass,
  endpointSlice,
  deviceClass,
  resourceClaim,
  resourceClaimTemplate,
  resourceSlice,
  flowSchema,
  priorityLevelConfiguration,
];

/** Kinds with their lookups. Custom resources come on top through `withKinds`. */
export class Scheme {
  readonly kinds: readonly Kind[];
  readonly #byResource = new Map<string, Kind>();
  readonly #byKind = new Map<string, Kind>();
  readonly #byShortName = new Map<string, Kind>();

  constructor(kinds: readonly Kind[]) {
    this.kinds = kinds;
    for (const kind of kinds) {
      this.#byResource.set(`${kind.group}/${kind.version}/${kind.plural}`, kind);
      this.#byKind.set(`${kind.group}/${kind.version}/${kind.kind}`, kind);
      for (const name of [kind.plural, kind.singular, ...kind.shortNames])
        if (!this.#byShortName.has(name)) this.#byShortName.set(name, kind);
    }
  }

  byResource(group: string, version: string, plural: string): Kind | undefined {
    return this.#byResource.get(`${group}/${version}/${plural}`);
  }

  byKind(group: string, version: string, kind: string): Kind | undefined {
    return this.#byKind.get(`${group}/${version}/${kind}`);
  }

  /** `po`, `pod`, `pods` -> Pod. Of several groups or versions the first in discovery's order wins. */
  byShortName(name: string): Kind | undefined {
    return this.#byShortName.get(name);
  }

  /** The kind whose form is stored for `kind`: itself for most. */
  storageKindOf(kind: Kind): Kind {
    return this.byKind(kind.storageGroup, kind.storageVersion, kind.kind) ?? kind;
  }

  withKinds(more: readonly Kind[]): Scheme {
    return new Scheme([...this.kinds, ...more]);
  }
}

/** All built-in kinds of Kubernetes 1.36, in discovery's order. */
export const SCHEME = new Scheme(BUILT_IN);
