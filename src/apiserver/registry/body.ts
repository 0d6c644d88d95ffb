import { decodeObject, goSyntaxError, parseBody, undeclaredField } from '../../api/decode.ts';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { badRequest } from '../../api/meta/status.ts';
import { duplicateYamlKeys, parseYaml } from '../../api/meta/yaml.ts';
import { type CustomKind, isCustom } from '../custom/custom-kind.ts';
import type { ApiCall, RequestBody, WriteOptions } from './call.ts';

/** As Go's decoder: deeper nesting is refused before it is parsed, for what parses and prints it is recursive. */
const MOST_DEPTH = 1000;

/** The object in the body, pruned, type-checked and defaulted. It is the caller's to change. Warnings go to the call. */
export const decodeBody = (call: ApiCall, kind: Kind, options: Pick<WriteOptions, 'fieldValidation'>): KubeObject => {
  const raw = rawBody(call.body, kind);
  checkYamlKeys(call, options.fieldValidation);
  const text = call.body.contentType === 'application/yaml' ? undefined : call.body.text;
  return decodeRaw(call, kind, raw, { fieldValidation: options.fieldValidation, ...(text === undefined ? {} : { text }) });
};

/** Keys that stand twice in a body of YAML: refused or warned of as the request wants. */
export const checkYamlKeys = ({ body, warnings }: Pick<ApiCall, 'body' | 'warnings'>, mode: WriteOptions['fieldValidation']): void => {
  const isYaml = body.contentType === 'application/yaml' || body.contentType === 'application/apply-patch+yaml';
  if (!isYaml || body.text === undefined || mode === 'Ignore') return;
  const problems = duplicateYamlKeys(body.text);
  if (problems.length === 0) return;
  if (mode === 'Strict')
    throw badRequest(`error decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${problems.join('\n  ')}`);
  warnings.push(...problems);
};

export const decodeRaw = (
  call: Pick<ApiCall, 'warnings'>,
  kind: Kind,
  raw: unknown,
  options: Pick<WriteOptions, 'fieldValidation'> & { text?: string; applied?: boolean },
): KubeObject => {
  const { object, warnings } = decodeObject(kind, raw, options);
  for (const line of warnings) call.warnings.push(line);
  if (isCustom(kind)) {
    const unknown = kind.prune(object);
    if (options.applied && unknown[0] !== undefined) throw undeclaredField(kind, raw as object, unknown[0]);
    reportUnknown(call, kind, { unknown, mode: options.fieldValidation });
  }
  // What an applier says is what it owns: defaults are no words of its own.
  if (!options.applied) kind.setDefaults?.(object);
  return object;
};

const reportUnknown = (
  call: Pick<ApiCall, 'warnings'>,
  kind: CustomKind,
  { unknown: paths, mode }: { unknown: readonly string[]; mode: WriteOptions['fieldValidation'] },
): void => {
  const unknown = paths.map((path) => `unknown field ${JSON.stringify(path)}`);
  if (unknown.length === 0 || mode === 'Ignore') return;
  if (mode === 'Strict')
    throw badRequest(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: strict decoding error: ${unknown.join(', ')}`,
    );
  call.warnings.push(...unknown);
};

/** The body as plain values, which must not be changed. Throws 400 for what is no JSON (or YAML). */
export const rawBody = (body: RequestBody, target: { kind: string }): unknown => {
  if (body.text === undefined) return body.value;
  const isYaml = body.contentType === 'application/yaml' || body.contentType === 'application/apply-patch+yaml';
  if (isYaml && !/^\s*\{/.test(body.text)) return yamlOf(body.text);
  checkDepth(body.text, target);
  if (!isYaml) return parseBody(target, body.text);
  try {
    // Clients that apply often send JSON under YAML's name; JSON is parsed faster.
    return JSON.parse(body.text);
  } catch {
    // Flow-style YAML begins like JSON too.
    return yamlOf(body.text);
  }
};

/** The text of a patch. Throws 400. */
export const patchBody = (body: RequestBody): unknown => {
  if (body.text === undefined) return body.value;
  checkDepth(body.text, { kind: 'Patch' });
  try {
    return JSON.parse(body.text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${goSyntaxError(error as Error, body.text)}`);
  }
};

const yamlOf = (text: string): unknown => {
  try {
    return parseYaml(text)[0];
  } catch (error) {
    throw badRequest(`error decoding YAML: ${(error as Error).message}`);
  }
};

const checkDepth = (text: string, target: { kind: string }): void => {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 92) at++;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 || code === 91) {
      if (++depth > MOST_DEPTH)
        throw badRequest(
          `the object provided is unrecognized (must be of type ${target.kind}): couldn't get version/kind; json parse error: exceeded max depth (${text.slice(0, 30)} ...)`,
        );
    } else if (code === 125 || code === 93) depth--;
  }
};
