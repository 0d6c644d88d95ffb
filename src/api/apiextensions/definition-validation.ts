import { CelError, compileCel, RULE_VARIABLES } from '../cel/cel-program.ts';
import { type FieldError, invalid, notSupported, required } from '../meta/field-error.ts';
import { dns1035Problems, dnsSubdomainProblems } from '../meta/names.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionNames, JSONSchemaProps } from '../types/apiextensions-v1.ts';

const SCOPES = ['Cluster', 'Namespaced'];
const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** What a definition must be for its kind to be served. */
export const definitionErrors = (definition: CustomResourceDefinition): FieldError[] => {
  const { metadata, spec } = definition;
  const { group = '', names, scope, versions = [] } = spec ?? {};
  const errors: FieldError[] = [];
  if (metadata?.name !== `${names?.plural}.${group}`)
    errors.push(invalid('metadata.name', metadata?.name, 'must be spec.names.plural+"."+spec.group'));
  if (group === '') errors.push(required('spec.group'));
  else errors.push(...groupErrors(group));
  if (!scope) errors.push(required('spec.scope'));
  else if (!SCOPES.includes(scope)) errors.push(notSupported('spec.scope', scope, SCOPES));
  for (const [at, { name, schema }] of versions.entries()) {
    const field = `spec.versions[${at}]`;
    if (!schema?.openAPIV3Schema) errors.push(required(`${field}.schema.openAPIV3Schema`));
    else errors.push(...rootErrors(schema.openAPIV3Schema, `${field}.schema.openAPIV3Schema`));
    errors.push(...labelErrors(`${field}.name`, name));
  }
  const distinct = new Set(versions.map(({ name }) => name));
  if (distinct.size !== versions.length) errors.push(invalid('spec.versions', undefined, 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(invalid('spec.versions', undefined, 'must have exactly one version marked as storage version'));
  errors.push(...nameErrors(names ?? { plural: '', kind: '' }));
  return errors;
};

const groupErrors = (group: string): FieldError[] => {
  const problems = dnsSubdomainProblems(group);
  if (problems.length > 0) return [invalid('spec.group', group, problems.join(','))];
  return group.includes('.') ? [] : [invalid('spec.group', group, 'should be a domain with at least one dot')];
};

const nameErrors = (names: CustomResourceDefinitionNames): FieldError[] => {
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = names;
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries({ plural, singular, kind, listKind })) if (!value) errors.push(required(`spec.names.${name}`));
  for (const [name, value] of Object.entries({ plural, singular })) if (value) errors.push(...labelErrors(`spec.names.${name}`, value));
  for (const [name, value] of Object.entries({ kind, listKind }))
    for (const problem of value ? dns1035Problems(value.toLowerCase()) : [])
      errors.push(invalid(`spec.names.${name}`, value, `may have mixed case, but should otherwise match: ${problem}`));
  for (const [at, name] of shortNames.entries()) errors.push(...labelErrors(`spec.names.shortNames[${at}]`, name));
  if (kind && kind === listKind) errors.push(invalid('spec.names.listKind', listKind, 'kind and listKind may not be the same'));
  for (const [at, name] of categories.entries()) errors.push(...labelErrors(`spec.names.categories[${at}]`, name));
  return errors;
};

const labelErrors = (field: string, value: string): FieldError[] => {
  const problems = dns1035Problems(value ?? '');
  return problems.length > 0 ? [invalid(field, value, problems.join(','))] : [];
};

const rootErrors = (schema: JSONSchemaProps, field: string): FieldError[] => {
  const errors = schemaErrors(schema, field, 'at the root');
  if (schema.type && schema.type !== 'object') errors.push(invalid(`${field}.type`, schema.type, 'must be object at the root'));
  return errors;
};

/** The structural part: what is below `properties`, `items` and `additionalProperties`; logic beside it takes no types. */
const schemaErrors = (schema: JSONSchemaProps, field: string, place: string): FieldError[] => {
  const errors: FieldError[] = [];
  const isFree = schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields'];
  if (!schema.type) {
    if (!isFree) errors.push(required(`${field}.type`, `must not be empty ${place}`));
  } else if (!TYPES.includes(schema.type)) errors.push(notSupported(`${field}.type`, schema.type, TYPES));
  for (const [at, { rule }] of (schema['x-kubernetes-validations'] ?? []).entries())
    errors.push(...ruleErrors(rule, `${field}.x-kubernetes-validations[${at}].rule`));
  for (const [name, of] of Object.entries(schema.properties ?? {}))
    errors.push(...schemaErrors(of, `${field}.properties[${name}]`, 'for specified object fields'));
  const { additionalProperties, items } = schema;
  if (additionalProperties && typeof additionalProperties === 'object')
    errors.push(...schemaErrors(additionalProperties as JSONSchemaProps, `${field}.additionalProperties`, 'for specified object fields'));
  if (items && typeof items === 'object' && !Array.isArray(items))
    errors.push(...schemaErrors(items as JSONSchemaProps, `${field}.items`, 'for specified array items'));
  return errors;
};

/** Only the grammar is judged: what our engine does not know of types and functions is told where a rule runs, not here. */
const ruleErrors = (rule: string | undefined, field: string): FieldError[] => {
  if (!rule?.trim()) return [required(field, 'rule is not specified')];
  try {
    compileCel(rule, RULE_VARIABLES, 'bool');
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    if (error.isSyntax) return [invalid(field, rule, `compilation failed: ERROR: <input>:1:1: ${error.message}`)];
  }
  return [];
};
