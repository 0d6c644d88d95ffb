import { pod } from '../../api/core/pod.ts';
import { invalidObject, required } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { badRequest, conflict } from '../../api/meta/status.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { rawBody } from '../registry/body.ts';
import { type Answer, type ApiCall, writeOptionsOf } from '../registry/call.ts';
import { nameMismatch, type Registry } from '../registry/registry.ts';
import { writeUpdate } from '../registry/update.ts';

interface Binding {
  metadata?: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
  };
  target?: { kind?: string; name?: string };
}

/** Puts a pod on a node: the scheduler's one write. Answers with a Status of success. */
export const createBindingHandler =
  (registry: Registry) =>
  async (call: ApiCall): Promise<Answer> => {
    const options = writeOptionsOf(call, 'CreateOptions');
    const binding = (rawBody(call.body, { kind: 'Binding' }) ?? {}) as Binding;
    const name = call.info.name || binding.metadata?.name || '';
    if (call.info.name && binding.metadata?.name && binding.metadata.name !== call.info.name)
      throw nameMismatch(binding.metadata.name, call.info.name);
    if (!name) throw badRequest('name must be provided');
    const node = binding.target?.name;
    if (!node) throw invalidObject({ group: '', kind: 'Binding' }, name, [required('target.name')]);
    if (binding.target?.kind && binding.target.kind !== 'Node')
      throw invalidObject({ group: '', kind: 'Binding' }, name, [
        {
          type: 'FieldValueNotSupported',
          field: 'target.kind',
          message: `Unsupported value: ${JSON.stringify(binding.target.kind)}: supported values: "Node", "<empty>"`,
        },
      ]);
    const podCall: ApiCall = { ...call, kind: pod, info: { ...call.info, resource: 'pods', subresource: 'binding', name } };
    await writeUpdate(registry, podCall, {
      options,
      manage: 'Update',
      tries: 5,
      whole: true,
      produce: (old) => bound(old.parse(), { node, binding, uid: old.uid, revision: old.revision, now: registry.parts.now() }),
    });
    return {
      type: 'object',
      code: 201,
      kind: undefined,
      object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 },
    };
  };

const bound = (
  object: KubeObject,
  { node, binding, uid, revision, now }: { node: string; binding: Binding; uid: string; revision: number; now: number },
): KubeObject => {
  const target = object as KubeObject & Pod;
  const name = object.metadata.name ?? '';
  const refuse = (why: string) => conflict({ group: '', plural: 'pods/binding' }, name, why);
  const wanted = binding.metadata;
  if (wanted?.uid && wanted.uid !== uid)
    throw refuse(`Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`);
  if (wanted?.resourceVersion && wanted.resourceVersion !== String(revision))
    throw refuse(
      `Precondition failed: ResourceVersion in precondition: ${wanted.resourceVersion}, ResourceVersion in object meta: ${revision}`,
    );
  if (object.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (target.spec?.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(target.spec.nodeName)}`);
  if (target.spec?.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  (target.spec as { nodeName?: string }).nodeName = node;
  if (wanted?.annotations) object.metadata.annotations = { ...object.metadata.annotations, ...wanted.annotations };
  if (wanted?.labels) object.metadata.labels = { ...object.metadata.labels, ...wanted.labels };
  target.status ??= {};
  const conditions = (target.status.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled');
  const at = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  conditions.push({
    type: 'PodScheduled',
    status: 'True',
    lastTransitionTime: at,
    observedGeneration: object.metadata.generation,
  } as (typeof conditions)[number]);
  target.status.conditions = conditions;
  return object;
};
