import type { FieldError } from '../../api/meta/field-error.ts';
import { invalid, notSupported, required } from '../../api/meta/field-error.ts';
import type { ValidationRule } from './validation-rules.ts';

/** The part of OpenAPI v3 that custom resource definitions may use. */
export interface StructuralSchema {
  type?: string;
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: boolean | StructuralSchema;
  items?: StructuralSchema;
  required?: string[];
  enum?: unknown[];
  default?: unknown;
  nullable?: boolean;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  allOf?: StructuralSchema[];
  anyOf?: StructuralSchema[];
  oneOf?: StructuralSchema[];
  not?: StructuralSchema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-validations'?: ValidationRule[];
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const ROOT_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);

/** Sets what the schema gives by default. In place; a default is copied. */
export const setSchemaDefaults = (value: unknown, schema: StructuralSchema): void => {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) setSchemaDefaults(item, schema.items);
    return;
  }
  if (!isFields(value)) return;
  for (const [name, of] of Object.entries(schema.properties ?? {})) {
    const isMissing = !Object.hasOwn(value, name) || (value[name] === null && !of.nullable);
    if (isMissing && of.default !== undefined) value[name] = structuredClone(of.default);
    else if (isMissing && value[name] === null) delete value[name];
    if (Object.hasOwn(value, name)) setSchemaDefaults(value[name], of);
  }
  if (isFields(schema.additionalProperties))
    for (const [name, item] of Object.entries(value))
      if (!Object.hasOwn(schema.properties ?? {}, name)) setSchemaDefaults(item, schema.additionalProperties as StructuralSchema);
};

export const hasDefaults = (schema: StructuralSchema): boolean =>
  schema.default !== undefined ||
  (schema.items !== undefined && hasDefaults(schema.items)) ||
  (isFields(schema.additionalProperties) && hasDefaults(schema.additionalProperties as StructuralSchema)) ||
  Object.values(schema.properties ?? {}).some(hasDefaults);

/** Removes what the schema does not know, and answers with the paths of it. In place. */
export const pruneUnknown = (value: unknown, schema: StructuralSchema, path: string, isRoot: boolean): string[] => {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((item, at) => pruneUnknown(item, items, `${path}[${at}]`, false)) : [];
  }
  if (!isFields(value)) return [];
  const keepsRoot = isRoot || schema['x-kubernetes-embedded-resource'] === true;
  const keepsAll = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true;
  const found: string[] = [];
  for (const name of Object.keys(value)) {
    if (keepsRoot && ROOT_FIELDS.has(name)) continue;
    const at = path === '' ? name : `${path}.${name}`;
    const of = Object.hasOwn(schema.properties ?? {}, name)
      ? schema.properties?.[name]
      : isFields(schema.additionalProperties)
        ? (schema.additionalProperties as StructuralSchema)
        : undefined;
    if (of) found.push(...pruneUnknown(value[name], of, at, false));
    else if (!keepsAll) {
      delete value[name];
      found.push(at);
    }
  }
  return found;
};

const MOST_ERRORS = 100;

/** What of the value the schema does not allow, in upstream's words. */
export const schemaErrors = (value: unknown, schema: StructuralSchema, path: string, errors: FieldError[] = []): FieldError[] => {
  if (errors.length >= MOST_ERRORS) return errors;
  if (value === null && (schema.nullable || schema.type === undefined)) return errors;
  const wrong = typeError(value, schema, path);
  if (wrong) {
    errors.push(wrong);
    return errors;
  }
  if (schema.enum && !schema.enum.some((one) => JSON.stringify(one) === JSON.stringify(value)))
    errors.push(
      notSupported(
        path,
        value,
        schema.enum.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))),
      ),
    );
  if (typeof value === 'string') textErrors(value, schema, path, errors);
  else if (typeof value === 'number') numberErrors(value, schema, path, errors);
  else if (Array.isArray(value)) listErrors(value, schema, path, errors);
  else if (isFields(value)) fieldsErrors(value, schema, path, errors);
  combinedErrors(value, schema, path, errors);
  return errors;
};

const goType = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'array'
      : typeof value === 'number'
        ? Number.isInteger(value)
          ? 'integer'
          : 'number'
        : typeof value;

const typeError = (value: unknown, schema: StructuralSchema, path: string): FieldError | undefined => {
  const type = goType(value);
  const wanted = schema.type;
  if (schema['x-kubernetes-int-or-string'])
    return type === 'integer' || type === 'string' ? undefined : mismatch(path, 'integer,string', type);
  if (wanted === undefined || wanted === type || (wanted === 'number' && type === 'integer')) return undefined;
  return mismatch(path, wanted, type);
};

const mismatch = (path: string, wanted: string, type: string): FieldError => ({
  type: 'FieldValueTypeInvalid',
  field: path,
  message: `Invalid value: ${JSON.stringify(type)}: ${path} in body must be of type ${wanted}: ${JSON.stringify(type)}`,
});

const patterns = new Map<string, RegExp | undefined>();
const MOST_PATTERNS = 1000;
/** Go's expressions cannot run away; ours can: they see only this much of a text. */
const MOST_MATCHED_CHARACTERS = 4096;

const patternOf = (text: string): RegExp | undefined => {
  if (!patterns.has(text)) {
    if (patterns.size >= MOST_PATTERNS) patterns.clear();
    let expression: RegExp | undefined;
    try {
      expression = new RegExp(text, 'u');
    } catch {
      // Go knows forms that JavaScript does not: such a pattern is not checked.
    }
    patterns.set(text, expression);
  }
  return patterns.get(text);
};

const textErrors = (value: string, schema: StructuralSchema, path: string, errors: FieldError[]): void => {
  const { minLength, maxLength, pattern } = schema;
  if (maxLength !== undefined && [...value].length > maxLength)
    errors.push({ type: 'FieldValueTooLong', field: path, message: `Too long: may not be more than ${maxLength} bytes` });
  if (minLength !== undefined && [...value].length < minLength)
    errors.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  if (pattern !== undefined && patternOf(pattern)?.test(value.slice(0, MOST_MATCHED_CHARACTERS)) === false)
    errors.push(invalid(path, value, `${path} in body should match '${pattern}'`));
};

const numberErrors = (value: number, schema: StructuralSchema, path: string, errors: FieldError[]): void => {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    errors.push(invalid(path, value, `${path} in body should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`));
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    errors.push(invalid(path, value, `${path} in body should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`));
  if (multipleOf !== undefined && value % multipleOf !== 0)
    errors.push(invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`));
};

const listErrors = (value: unknown[], schema: StructuralSchema, path: string, errors: FieldError[]): void => {
  const { minItems, maxItems, uniqueItems, items } = schema;
  if (maxItems !== undefined && value.length > maxItems)
    errors.push({ type: 'FieldValueTooMany', field: path, message: `Too many: ${value.length}: must have at most ${maxItems} items` });
  if (minItems !== undefined && value.length < minItems)
    errors.push(invalid(path, value.length, `${path} in body should have at least ${minItems} items`));
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const isSet = uniqueItems || schema['x-kubernetes-list-type'] === 'set';
  if (isSet || schema['x-kubernetes-list-type'] === 'map') {
    const seen = new Set<string>();
    for (const [at, item] of value.entries()) {
      const identity = isSet ? item : Object.fromEntries(keys.map((key) => [key, (item as Fields | null)?.[key]]));
      const text = JSON.stringify(identity);
      if (seen.has(text)) errors.push({ type: 'FieldValueDuplicate', field: `${path}[${at}]`, message: `Duplicate value: ${text}` });
      seen.add(text);
    }
  }
  if (items) for (const [at, item] of value.entries()) schemaErrors(item, items, `${path}[${at}]`, errors);
};

const fieldsErrors = (value: Fields, schema: StructuralSchema, path: string, errors: FieldError[]): void => {
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const count = Object.keys(value).length;
  if (schema.maxProperties !== undefined && count > schema.maxProperties)
    errors.push({ type: 'FieldValueTooMany', field: path, message: `Too many: ${count}: must have at most ${schema.maxProperties} items` });
  if (schema.minProperties !== undefined && count < schema.minProperties)
    errors.push(invalid(path, count, `${path} in body should have at least ${schema.minProperties} properties`));
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) errors.push(required(at(name)));
  for (const [name, of] of Object.entries(schema.properties ?? {})) {
    if (path === '' && ROOT_FIELDS.has(name)) continue;
    if (Object.hasOwn(value, name)) schemaErrors(value[name], of, at(name), errors);
  }
  if (isFields(schema.additionalProperties))
    for (const [name, item] of Object.entries(value))
      if (!Object.hasOwn(schema.properties ?? {}, name))
        schemaErrors(item, schema.additionalProperties as StructuralSchema, at(name), errors);
};

const combinedErrors = (value: unknown, schema: StructuralSchema, path: string, errors: FieldError[]): void => {
  for (const one of schema.allOf ?? []) schemaErrors(value, one, path, errors);
  const holds = (one: StructuralSchema): boolean => schemaErrors(value, one, path, []).length === 0;
  if (schema.anyOf?.length && !schema.anyOf.some(holds))
    errors.push(invalid(path, goType(value), `${path} in body must validate at least one schema (anyOf)`));
  if (schema.oneOf?.length && schema.oneOf.filter(holds).length !== 1)
    errors.push(invalid(path, goType(value), `${path} in body must validate one and only one schema (oneOf)`));
  if (schema.not && holds(schema.not)) errors.push(invalid(path, goType(value), `${path} in body must not validate the schema (not)`));
};
