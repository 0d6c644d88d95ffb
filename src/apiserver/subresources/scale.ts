import { decodeObject } from '../../api/decode.ts';
import type { Kind } from '../../api/kind.ts';
import { invalid, invalidObject } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { formatSelector, selectorFromMap, selectorFromObject } from '../../api/meta/selector.ts';
import { badRequest } from '../../api/meta/status.ts';
import { applyPatch } from '../../api/patch/patch.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import { type CustomKind, isCustom } from '../custom/custom-kind.ts';
import { readJsonPath } from '../custom/json-path.ts';
import { patchBody, rawBody } from '../registry/body.ts';
import { type Answer, type ApiCall, writeOptionsOf } from '../registry/call.ts';
import { presentItem } from '../registry/present.ts';
import { nameMismatch, presented, type Registry } from '../registry/registry.ts';
import { modified } from '../registry/store-errors.ts';
import { writeUpdate } from '../registry/update.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale', schema: 'autoscaling/v1.Scale' };

interface Scalable extends KubeObject {
  spec?: { replicas?: number; selector?: LabelSelector | Record<string, string> };
  status?: { replicas?: number };
}

/** Deployments, ReplicaSets, StatefulSets and ReplicationControllers as their size alone. */
export const createScaleHandler =
  (registry: Registry) =>
  async (call: ApiCall): Promise<Answer> => {
    const { kind, info } = call;
    const shown = (object: KubeObject): Answer => ({ type: 'object', code: 200, kind: undefined, object: scaleOf(kind, object) });
    if (info.verb === 'get') return shown(presented(kind, await presentItem(kind, await registry.read(call))));
    const options = writeOptionsOf(call, info.verb === 'patch' ? 'PatchOptions' : 'UpdateOptions');
    const contentType = call.body.contentType;
    const wanted = (current: KubeObject): KubeObject => {
      const scale = scaleOf(kind, current);
      const raw =
        info.verb === 'patch'
          ? applyPatch(
              SCALE_KIND,
              scale,
              contentType === 'application/apply-patch+yaml' ? 'application/merge-patch+json' : contentType,
              patchBody(call.body),
            )
          : rawBody(call.body, SCALE);
      return decodeObject(SCALE, raw, { fieldValidation: options.fieldValidation }).object;
    };
    const answer = await writeUpdate(registry, call, {
      options,
      manage: 'Update',
      tries: 5,
      whole: true,
      produce: (old) => {
        const current = presented(kind, old);
        const scale = wanted(current);
        const { name, resourceVersion, uid } = scale.metadata;
        if (!name) throw badRequest('name must be provided');
        if (name !== info.name) throw nameMismatch(name, info.name);
        if (resourceVersion && resourceVersion !== String(old.revision)) throw modified(kind, name);
        if (uid && uid !== old.uid) throw modified(kind, name);
        const replicas = (scale['spec'] as { replicas?: number } | undefined)?.replicas ?? 0;
        if (replicas < 0)
          throw invalidObject({ group: 'autoscaling', kind: 'Scale' }, name, [
            invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
          ]);
        const next = structuredClone(current);
        if (resize(kind, next, replicas)) next.metadata.generation = (next.metadata.generation ?? 0) + 1;
        return next;
      },
    });
    return shown(answer.type === 'item' ? presented(kind, answer.item) : (answer as { object: KubeObject }).object);
  };

const scaleOf = (kind: Kind, object: KubeObject): KubeObject => {
  const { metadata } = object;
  const { replicas, ready, selector } = isCustom(kind) ? customSize(kind, object) : builtInSize(kind, object as Scalable);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      creationTimestamp: metadata.creationTimestamp,
    },
    spec: { ...(replicas ? { replicas } : {}) },
    status: { replicas: ready, ...(selector ? { selector } : {}) },
  };
};

interface Size {
  replicas: number | undefined;
  ready: number;
  selector: string;
}

const builtInSize = (kind: Kind, { spec, status }: Scalable): Size => {
  const selector = spec?.selector;
  const parsed =
    kind.group === ''
      ? selectorFromMap(selector as Record<string, string> | undefined)
      : selectorFromObject(selector as LabelSelector | undefined);
  return { replicas: spec?.replicas, ready: status?.replicas ?? 0, selector: formatSelector(parsed) };
};

const customSize = ({ scalePaths }: CustomKind, object: KubeObject): Size => {
  const read = (path: string | undefined): unknown => (path ? readJsonPath(object, path) : undefined);
  return {
    replicas: Number(read(scalePaths?.spec) ?? 0),
    ready: Number(read(scalePaths?.status) ?? 0),
    selector: String(read(scalePaths?.selector) ?? ''),
  };
};

/** Sets the size; true when it was another one. In place. */
const resize = (kind: Kind, object: KubeObject, replicas: number): boolean => {
  const names = isCustom(kind) ? (kind.scalePaths?.spec ?? '').split('.').filter(Boolean) : ['spec', 'replicas'];
  const last = names.pop() as string;
  let place: Record<string, unknown> = object;
  for (const name of names) {
    place[name] ??= {};
    place = place[name] as Record<string, unknown>;
  }
  if (place[last] === replicas) return false;
  place[last] = replicas;
  return true;
};

/** Patches of a Scale know its schema only. */
const SCALE_KIND = { ...SCALE, plural: 'scales' } as unknown as Kind;
