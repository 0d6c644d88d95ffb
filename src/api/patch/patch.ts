import type { Kind } from '../kind.ts';
import { badRequest } from '../meta/status.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

/**
 * The object that a JSON, merge or strategic merge patch makes of `current`; neither is changed, and the result may share parts with
 * both: decode it before use. Throws a `StatusError`: 400 for a body that is no patch, 422 for one that does not apply, 413 for one
 * with too many operations. Server-side apply is in apply.ts.
 */
export const applyPatch = (kind: Pick<Kind, 'schema'>, current: unknown, contentType: string, patch: unknown): unknown => {
  switch (contentType) {
    case 'application/json-patch+json':
      return applyJsonPatch(current, patch);
    case 'application/merge-patch+json':
      return applyMergePatch(current, asObject(patch));
    case 'application/strategic-merge-patch+json':
      return applyStrategicMergePatch(kind.schema, current as Record<string, unknown>, asObject(patch));
    default:
      throw badRequest(`unknown Content-Type header for patch: ${contentType}`);
  }
};

const asObject = (patch: unknown): Record<string, unknown> => {
  if (typeof patch === 'object' && patch !== null && !Array.isArray(patch)) return patch as Record<string, unknown>;
  const what = Array.isArray(patch) ? 'array' : patch === null ? 'null' : typeof patch;
  throw badRequest(`error decoding patch: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`);
};
