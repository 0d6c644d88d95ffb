import { CelError, type CelProgram, compileCel, RULE_VARIABLES } from '../../api/cel/cel-program.ts';
import { toCel } from '../../api/cel/cel-values.ts';
import { duplicate, type FieldError, forbidden, invalid, quoted, required } from '../../api/meta/field-error.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** One of a schema's `x-kubernetes-validations`. */
export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const MOST_ERRORS = 100;
const known = new WeakMap<StructuralSchema, boolean>();

/** Whether the schema has rules anywhere. */
export const hasRules = (schema: StructuralSchema): boolean => {
  let has = known.get(schema);
  if (has === undefined) {
    has =
      (schema['x-kubernetes-validations']?.length ?? 0) > 0 ||
      (schema.items !== undefined && hasRules(schema.items)) ||
      (isFields(schema.additionalProperties) && hasRules(schema.additionalProperties as StructuralSchema)) ||
      Object.values(schema.properties ?? {}).some(hasRules);
    known.set(schema, has);
  }
  return has;
};

/** The rules that the value breaks. `old` is the value that it replaces; rules about a change are passed over where there is none. */
export const brokenRules = (value: unknown, old: unknown, schema: StructuralSchema, path = ''): FieldError[] => {
  const errors: FieldError[] = [];
  collect({ value, old, schema, path }, errors);
  return errors;
};

interface Place {
  readonly value: unknown;
  readonly old: unknown;
  readonly schema: StructuralSchema;
  readonly path: string;
}

const collect = (place: Place, errors: FieldError[]): void => {
  const { value, old, schema, path } = place;
  if (value === undefined || value === null || !hasRules(schema) || errors.length >= MOST_ERRORS) return;
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length) {
    const values = { self: typed(value, schema), oldSelf: old === undefined ? null : typed(old, schema) };
    for (const rule of rules) errors.push(...errorOf(rule, place, values));
  }
  const { items, additionalProperties } = schema;
  if (Array.isArray(value) && items)
    for (const [at, item] of value.entries())
      collect({ value: item, old: formerItem(item, old, schema), schema: items, path: `${path}[${at}]` }, errors);
  if (!isFields(value)) return;
  const was = isFields(old) ? old : {};
  for (const [name, item] of Object.entries(value)) {
    const of = Object.hasOwn(schema.properties ?? {}, name)
      ? schema.properties?.[name]
      : isFields(additionalProperties)
        ? (additionalProperties as StructuralSchema)
        : undefined;
    if (of) collect({ value: item, old: was[name], schema: of, path: path ? `${path}.${name}` : name }, errors);
  }
};

/** Items of maps are told by their keys; in other lists nothing says which item was which. */
const formerItem = (item: unknown, old: unknown, schema: StructuralSchema): unknown => {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (!Array.isArray(old) || schema['x-kubernetes-list-type'] !== 'map' || !keys || !isFields(item)) return undefined;
  return old.find((one: unknown) => isFields(one) && keys.every((key) => one[key] === item[key]));
};

const errorOf = (rule: ValidationRule, { old, schema, path }: Place, values: Record<string, unknown>): FieldError[] => {
  const isAboutChange = /\boldSelf\b/.test(rule.rule);
  if (isAboutChange && old === undefined && !rule.optionalOldSelf) return [];
  const shownType = schema.type ?? 'object';
  const field = rule.fieldPath ? `${path}${rule.fieldPath}`.replace(/^\./, '') : path;
  let program: CelProgram;
  try {
    program = compileCel(rule.rule, RULE_VARIABLES, 'bool');
    if (program.evaluate(values) === true) return [];
  } catch (error) {
    const words =
      error instanceof CelError ? `rule compile error: ${error.message}` : `${(error as Error).message} evaluating rule: ${ruleText(rule)}`;
    return [invalid(field, shownType, words)];
  }
  return [errorForReason(field, shownType, { reason: rule.reason, detail: messageOf(rule, values) })];
};

const ruleText = ({ rule, message }: ValidationRule): string => (message ?? rule).trim();

const messageOf = (rule: ValidationRule, values: Record<string, unknown>): string => {
  if (rule.messageExpression)
    try {
      const text = compileCel(rule.messageExpression, RULE_VARIABLES, 'string').evaluate(values);
      if (typeof text === 'string' && text.trim() && !text.includes('\n')) return text.trim();
    } catch {
      // The plain message stands in, as upstream has it.
    }
  return rule.message?.trim() || `failed rule: ${rule.rule.trim()}`;
};

const errorForReason = (field: string, value: string, { reason, detail }: { reason: string | undefined; detail: string }): FieldError => {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(field, detail);
    case 'FieldValueRequired':
      return required(field, detail);
    case 'FieldValueDuplicate':
      return { ...duplicate(field, value), message: `Duplicate value: ${quoted(value)}` };
    default:
      return invalid(field, value, detail);
  }
};

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

/** How a field is called in rules when its name is no identifier. */
const escaped = (name: string): string =>
  RESERVED.has(name)
    ? `__${name}__`
    : name.replaceAll('__', '__underscores__').replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__');

/** The value as its schema types it: numbers that may have fractions are doubles, points in time timestamps. */
const typed = (value: unknown, schema: StructuralSchema): unknown => {
  if (schema.type === 'number' && typeof value === 'number') return value;
  if (schema.format === 'date-time' && typeof value === 'string') return new Date(value);
  const { items, properties = {}, additionalProperties } = schema;
  if (Array.isArray(value)) return items ? value.map((item) => typed(item, items)) : toCel(value);
  if (!isFields(value)) return toCel(value);
  const more = isFields(additionalProperties) ? (additionalProperties as StructuralSchema) : undefined;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const of = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return of ? [escaped(name), typed(item, of)] : [name, more ? typed(item, more) : toCel(item)];
    }),
  );
};
