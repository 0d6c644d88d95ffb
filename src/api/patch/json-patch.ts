import { deepEqual } from '../meta/equality.ts';
import { badRequest, statusError } from '../meta/status.ts';
import { cloneJson, setOwn } from '../schema/walker.ts';

/** As upstream: more operations are refused with 413. */
const MAX_OPERATIONS = 10_000;
/** Copies may double a document each; what they add up to is bounded. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

interface Operation {
  op?: unknown;
  path?: unknown;
  from?: unknown;
  value?: unknown;
}

type Container = Record<string, unknown> | unknown[];

/** RFC 6902. `current` is not changed. Throws 400, 413 or 422. */
export const applyJsonPatch = (current: unknown, patch: unknown): unknown => {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  if (patch.length > MAX_OPERATIONS)
    throw statusError(
      413,
      'RequestEntityTooLarge',
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  const root = { document: cloneJson(current) };
  let copied = 0;
  for (const operation of patch as Operation[]) copied = applyOperation(root, operation ?? {}, copied);
  return root.document;
};

const applyOperation = (root: { document: unknown }, operation: Operation, copied: number): number => {
  const path = tokensOf(operation.path);
  switch (operation.op) {
    case 'add':
      put(root, path, cloneJson(operation.value), 'add');
      return copied;
    case 'replace':
      if (!exists(root, path)) throw doesNotApply('replace', path);
      put(root, path, cloneJson(operation.value), 'replace');
      return copied;
    case 'remove':
      take(root, path, 'remove');
      return copied;
    case 'test':
      if (!deepEqual(lookup(root, path) ?? null, operation.value ?? null)) throw rejected(`testing value ${pointer(path)} failed`);
      return copied;
    case 'move': {
      const from = tokensOf(operation.from);
      put(root, path, take(root, from, 'move'), 'add');
      return copied;
    }
    case 'copy': {
      const from = tokensOf(operation.from);
      if (!exists(root, from)) throw doesNotApply('copy', from);
      const value = cloneJson(lookup(root, from));
      const total = copied + JSON.stringify(value ?? null).length;
      if (total > MAX_COPIED_BYTES)
        throw rejected(`the accumulated size increase of copy operations is over the limit ${MAX_COPIED_BYTES}`);
      put(root, path, value, 'add');
      return total;
    }
    default:
      throw rejected(`Unexpected kind: ${String(operation.op)}`);
  }
};

const rejected = (_why: string) => statusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

const doesNotApply = (operation: string, path: readonly string[]) =>
  rejected(`${operation} operation does not apply: doc is missing path: ${pointer(path)}`);

const pointer = (path: readonly string[]): string => path.map((token) => `/${token}`).join('');

const tokensOf = (path: unknown): string[] => {
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) throw rejected('path is no JSON pointer');
  return path
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
};

const child = (container: unknown, token: string): unknown => {
  if (Array.isArray(container)) {
    const index = indexOf(container, token);
    return index === undefined ? undefined : container[index];
  }
  if (typeof container !== 'object' || container === null || !Object.hasOwn(container, token)) return undefined;
  return (container as Record<string, unknown>)[token];
};

/** Negative indexes count from the end, as upstream's library has it. */
const indexOf = (list: readonly unknown[], token: string): number | undefined => {
  if (!/^-?(0|[1-9]\d*)$/.test(token)) return undefined;
  const index = Number(token);
  const at = index < 0 ? list.length + index : index;
  return at >= 0 && at < list.length ? at : undefined;
};

const lookup = (root: { document: unknown }, path: readonly string[]): unknown => path.reduce(child, root.document);

const exists = (root: { document: unknown }, path: readonly string[]): boolean => {
  if (path.length === 0) return true;
  const parent = lookup(root, path.slice(0, -1));
  const last = path.at(-1) as string;
  if (Array.isArray(parent)) return indexOf(parent, last) !== undefined;
  return typeof parent === 'object' && parent !== null && Object.hasOwn(parent, last);
};

const parentOf = (root: { document: unknown }, path: readonly string[], operation: string): Container => {
  const parent = lookup(root, path.slice(0, -1));
  if (typeof parent !== 'object' || parent === null) throw doesNotApply(operation, path);
  return parent as Container;
};

const put = (root: { document: unknown }, path: readonly string[], value: unknown, operation: 'add' | 'replace'): void => {
  if (path.length === 0) {
    root.document = value;
    return;
  }
  const parent = parentOf(root, path, operation);
  const last = path.at(-1) as string;
  if (!Array.isArray(parent)) {
    setOwn(parent, last, value);
    return;
  }
  if (last === '-') {
    parent.push(value);
    return;
  }
  const index = last === String(parent.length) ? parent.length : indexOf(parent, last);
  if (index === undefined) throw doesNotApply(operation, path);
  if (operation === 'add') parent.splice(index, 0, value);
  else parent[index] = value;
};

const take = (root: { document: unknown }, path: readonly string[], operation: string): unknown => {
  if (path.length === 0 || !exists(root, path)) throw doesNotApply(operation, path);
  const parent = parentOf(root, path, operation);
  const last = path.at(-1) as string;
  if (Array.isArray(parent)) return parent.splice(indexOf(parent, last) as number, 1)[0];
  const value = parent[last];
  delete parent[last];
  return value;
};
