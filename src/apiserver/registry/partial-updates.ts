import type { KubeObject } from '../../api/meta/object.ts';

/** Takes from `next` what the subresource may write and everything else from `old`. In place. `now` as RFC 3339. */
export type PartialUpdate = (next: KubeObject, old: KubeObject, now: string) => void;

type Spec = Record<string, unknown>;
interface Container {
  name: string;
  resources?: unknown;
  resizePolicy?: unknown;
}

const replaceAll = (next: KubeObject, old: KubeObject, fields: Record<string, unknown>): void => {
  const { managedFields } = next.metadata;
  for (const field of Object.keys(next)) delete next[field];
  Object.assign(next, structuredClone(old), structuredClone(fields));
  if (managedFields) next.metadata.managedFields = managedFields;
  delete next.metadata.resourceVersion;
};

const ephemeralContainers: PartialUpdate = (next, old) => {
  const containers = (next['spec'] as Spec | undefined)?.['ephemeralContainers'];
  replaceAll(next, old, { spec: { ...(old['spec'] as Spec), ephemeralContainers: containers ?? [] } });
  next.metadata.generation = (old.metadata.generation ?? 0) + 1;
};

/** Only requests, limits and resize policies of containers that are there already. */
const resize: PartialUpdate = (next, old) => {
  const wanted = new Map((((next['spec'] as Spec)?.['containers'] as Container[] | undefined) ?? []).map((one) => [one.name, one]));
  const spec = old['spec'] as Spec & { containers: Container[] };
  const containers = spec.containers.map((one) => {
    const to = wanted.get(one.name);
    return to ? { ...one, resources: to.resources ?? {}, ...(to.resizePolicy ? { resizePolicy: to.resizePolicy } : {}) } : one;
  });
  const changed = JSON.stringify(containers) !== JSON.stringify(spec.containers);
  replaceAll(next, old, { spec: { ...spec, containers } });
  if (changed) next.metadata.generation = (old.metadata.generation ?? 0) + 1;
};

const finalizeNamespace: PartialUpdate = (next, old) => {
  const finalizers = (next['spec'] as Spec | undefined)?.['finalizers'];
  replaceAll(next, old, { spec: finalizers ? { finalizers } : {} });
};

interface Condition {
  type: string;
  status: string;
  lastUpdateTime?: string | null;
  lastTransitionTime?: string | null;
}

const approval: PartialUpdate = (next, old, now) => {
  const { metadata } = next;
  const before = ((old['status'] as Spec | undefined)?.['conditions'] ?? []) as Condition[];
  const conditions = (next['status'] as Spec | undefined)?.['conditions'] as Condition[] | undefined;
  const timed = conditions?.map((condition) => {
    const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime || now,
      lastTransitionTime: condition.lastTransitionTime || same?.lastTransitionTime || now,
    };
  });
  replaceAll(next, old, { status: { ...(old['status'] as Spec | undefined), ...(timed ? { conditions: timed } : {}) } });
  next.metadata = metadata;
};

/** `group/plural/subresource` of those that are neither the whole object nor its status. */
export const PARTIAL_UPDATES: Readonly<Record<string, PartialUpdate>> = {
  '/pods/ephemeralcontainers': ephemeralContainers,
  '/pods/resize': resize,
  '/namespaces/finalize': finalizeNamespace,
  'certificates.k8s.io/certificatesigningrequests/approval': approval,
};
