import { fieldProblems } from './meta/json-scan.ts';
import type { KubeObject } from './meta/object.ts';
import { apiVersionOf } from './meta/object.ts';
import { badRequest, type StatusError, statusError } from './meta/status.ts';
import { cloneJson, DecodeError, WalkContext, walkType } from './schema/walker.ts';

/** What a body is read as: any `Kind`, or the kind of a subresource's body (`Scale`, `Eviction`, `DeleteOptions`). */
export interface DecodeTarget {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Its type in the schema table; undefined for custom resources, of which only the metadata has one. */
  readonly schema: string | undefined;
  readonly setDefaults?: (object: KubeObject) => void;
}

export interface DecodeOptions {
  /** The `fieldValidation` of the request. '' is `Warn`, upstream's default. */
  fieldValidation?: '' | 'Ignore' | 'Warn' | 'Strict';
  /** The body's text: searched for duplicate keys, which the parsed value cannot show. Costs about as much as parsing it. */
  text?: string | undefined;
  /** The body of a server-side apply: checked, but given back as it is, without defaults; an unknown field is an error. */
  applied?: boolean;
}

export interface Decoded {
  /** A fresh object: nothing of it is shared with the input. `apiVersion`, `kind` and `metadata` are set. */
  object: KubeObject;
  /** For the `Warning:` header: unknown and duplicate fields under `Warn`. */
  warnings: string[];
}

/**
 * Reads parsed JSON as that kind: checks the types, prunes what the schema does not know, sets the schema's and the kind's defaults. Throws a 400 `StatusError` in kube-apiserver's words.
 */
export const decodeObject = (target: DecodeTarget, raw: unknown, options: DecodeOptions = {}): Decoded => {
  checkShape(target, raw);
  const body = (raw ?? {}) as Record<string, unknown>;
  const gvk = checkGvk(target, body);
  const mode = options.fieldValidation || 'Warn';
  const context = new WalkContext({ collectUnknown: mode !== 'Ignore' || options.applied === true });
  try {
    const object = (target.schema === undefined ? readCustom(body, context) : walkType(target.schema, body, context)) as KubeObject;
    object.apiVersion = apiVersionOf(target);
    object.kind = target.kind;
    object.metadata ??= {};
    if (options.applied) return { object: appliedObject(target, body, context), warnings: [] };
    target.setDefaults?.(object);
    if (mode === 'Ignore') return { object, warnings: [] };
    const problems = problemsOf(context, options.text);
    if (problems.length > 0 && mode === 'Strict') throw new DecodeError(`strict decoding error: ${problems.join(', ')}`);
    return { object, warnings: problems };
  } catch (error) {
    if (error instanceof DecodeError) throw cannotHandle(gvk, target, error.message);
    throw error;
  }
};

const appliedObject = (target: DecodeTarget, body: Record<string, unknown>, context: WalkContext): KubeObject => {
  const [unknown] = context.unknown ?? [];
  if (unknown !== undefined) throw undeclaredField(target, body, unknown);
  const object = cloneJson(body) as KubeObject;
  object.metadata ??= {};
  return object;
};

/** An apply that names a field which the schema does not know. */
export const undeclaredField = (target: Pick<DecodeTarget, 'group' | 'version' | 'kind'>, body: object, path: string): StatusError =>
  statusError(
    500,
    '',
    `failed to create typed patch object (${namespacedName(body as Record<string, unknown>)}; ${apiVersionOf(target)}, Kind=${target.kind}): .${path}: field not declared in schema`,
  );

const namespacedName = (body: Record<string, unknown>): string => {
  const metadata = (body['metadata'] ?? {}) as { namespace?: string; name?: string };
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
};

const readCustom = (body: Record<string, unknown>, context: WalkContext): Record<string, unknown> => {
  const copy = cloneJson(body) as Record<string, unknown>;
  if (body['metadata'] !== undefined && body['metadata'] !== null) {
    context.stack.push('metadata');
    copy['metadata'] = walkType('meta/v1.ObjectMeta', body['metadata'], context);
    context.stack.pop();
  }
  return copy;
};

const problemsOf = (context: WalkContext, text: string | undefined): string[] => {
  const unknown = context.unknown ?? [];
  return text === undefined ? unknown.map((path) => `unknown field ${JSON.stringify(path)}`) : fieldProblems(text, unknown);
};

interface BodyGvk {
  apiVersion: string;
  kind: string;
}

const cannotHandle = (gvk: BodyGvk, target: DecodeTarget, why: string): StatusError =>
  badRequest(`${gvk.kind} in version ${JSON.stringify(versionOf(gvk.apiVersion))} cannot be handled as a ${target.kind}: ${why}`);

const versionOf = (apiVersion: string): string => apiVersion.slice(apiVersion.indexOf('/') + 1);

const WANTED = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

const checkShape = (target: DecodeTarget, raw: unknown): void => {
  if (raw === null || (typeof raw === 'object' && !Array.isArray(raw))) return;
  const what = Array.isArray(raw) ? 'array' : typeof raw === 'boolean' ? 'bool' : typeof raw;
  throw unrecognized(target, `json: cannot unmarshal ${what} into Go value of type ${WANTED}`, JSON.stringify(raw) ?? '');
};

const checkGvk = (target: DecodeTarget, body: Record<string, unknown>): BodyGvk => {
  const { apiVersion: givenVersion, kind: givenKind } = body;
  for (const field of ['apiVersion', 'kind']) {
    const value = body[field];
    if (value === undefined || value === null || typeof value === 'string') continue;
    const what = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    throw unrecognized(target, `json: cannot unmarshal ${what} into Go struct field .${field} of type string`, JSON.stringify(body));
  }
  const apiVersion = typeof givenVersion === 'string' && givenVersion !== '' ? givenVersion : apiVersionOf(target);
  const gvk = { apiVersion, kind: typeof givenKind === 'string' && givenKind !== '' ? givenKind : target.kind };
  if (gvk.kind !== target.kind || apiVersion !== apiVersionOf(target))
    throw cannotHandle(
      gvk,
      target,
      `no kind "${gvk.kind}" is registered for version "${apiVersion}" in scheme "pkg/runtime/scheme.go:111"`,
    );
  return gvk;
};

const PREFIX = 30;

/** Where the body does not even have a kind: Go's words, with the first bytes of it. */
const unrecognized = (target: { kind: string }, why: string, text: string): StatusError => {
  const start = text.trimStart();
  const shown =
    start === ''
      ? '<empty>'
      : start.startsWith('{')
        ? start.length > PREFIX
          ? `${start.slice(0, PREFIX)} ...`
          : start
        : Buffer.from(start.slice(0, PREFIX)).toString('hex');
  return badRequest(
    `the object provided is unrecognized (must be of type ${target.kind}): couldn't get version/kind; json parse error: ${why} (${shown})`,
  );
};

/** Parses the text of a body. Throws a 400 `StatusError` in kube-apiserver's words. */
export const parseBody = (target: { kind: string }, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unrecognized(target, goSyntaxError(error as Error, text), text);
  }
};

/** Go's words for text that is no JSON, from what V8 says about the same text. */
export const goSyntaxError = (error: Error, text: string): string => {
  const { message } = error;
  const position = /at position (\d+)/.exec(message)?.[1];
  const at = position === undefined ? -1 : Number(position);
  if (text.trim() === '' || /end of JSON input|Unterminated string/.test(message) || at >= text.trimEnd().length)
    return 'unexpected end of JSON input';
  const token = /Unexpected token '(.)'/su.exec(message)?.[1] ?? text[at] ?? '';
  const expecting = /Expected double-quoted|Expected property name/.test(message)
    ? 'looking for beginning of object key string'
    : 'looking for beginning of value';
  return `invalid character '${token}' ${expecting}`;
};
