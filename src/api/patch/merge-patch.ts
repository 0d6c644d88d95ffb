import { setOwn } from '../schema/walker.ts';

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 7386. Neither argument is changed; the result may share parts with both. */
export const applyMergePatch = (current: unknown, patch: unknown): unknown => {
  if (!isObject(patch)) return patch;
  const result: Fields = {};
  if (isObject(current)) for (const key in current) setOwn(result, key, current[key]);
  for (const key in patch) {
    const value = patch[key];
    if (value === null) delete result[key];
    else setOwn(result, key, isObject(value) ? applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value) : value);
  }
  return result;
};
