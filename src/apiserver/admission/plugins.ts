import type { AdmissionPlugin, AdmissionWorld } from './admission.ts';
import { createCertificateRequester } from './certificate-requester.ts';
import { createDefaultStorageClass } from './default-storage-class.ts';
import { createDefaultTolerations } from './default-tolerations.ts';
import { createLimitRanger } from './limit-ranger.ts';
import { createNamespaceLifecycle } from './namespace-lifecycle.ts';
import { createNodeRestriction } from './node-restriction.ts';
import { createPodSecurity } from './pod-security.ts';
import { createMutatingPolicies, createValidatingPolicies } from './policies.ts';
import { createPriority } from './priority.ts';
import { createRbacEscalation } from './rbac-escalation.ts';
import { createResourceQuota } from './resource-quota.ts';
import { createRuntimeClass } from './runtime-class.ts';
import { createServiceAccountAdmission } from './service-account.ts';
import { createStorageProtection } from './storage-protection.ts';
import { createTaintNewNodes } from './taint-new-nodes.ts';
import { createVolumeResize } from './volume-resize.ts';
import { createMutatingWebhooks, createValidatingWebhooks } from './webhooks.ts';

/** Every rule about writes, in the order in which they are asked; quotas last, for what others refuse must not be counted. */
const createPlugins = (world: AdmissionWorld): readonly AdmissionPlugin[] => [
  createNamespaceLifecycle(world),
  createServiceAccountAdmission(world),
  createNodeRestriction(world),
  createTaintNewNodes(),
  createCertificateRequester(),
  createPriority(world),
  createDefaultTolerations(world),
  createRuntimeClass(world),
  createLimitRanger(world),
  createDefaultStorageClass(world),
  createStorageProtection(),
  createVolumeResize(world),
  createRbacEscalation(world),
  createPodSecurity(world),
  createMutatingPolicies(world),
  createMutatingWebhooks(world),
  createValidatingPolicies(world),
  createValidatingWebhooks(world),
  createResourceQuota(world),
];

/** Those that are not switched off. A name that none has is an error: a rule that somebody thinks is off would be on, or the other way round. */
export const pluginsWithout = (world: AdmissionWorld, disabled: readonly string[]): readonly AdmissionPlugin[] => {
  const plugins = createPlugins(world);
  const unknown = disabled.filter((name) => !plugins.some((plugin) => plugin.name === name));
  if (unknown.length)
    throw new Error(`no admission plugin is called ${unknown.join(', ')}; there are ${plugins.map((plugin) => plugin.name).join(', ')}`);
  return plugins.filter((plugin) => !disabled.includes(plugin.name));
};
