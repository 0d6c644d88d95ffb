/**
 * `/openapi/v2`: the definitions of all kinds in one document, for older clients. Paths are left out: what reads them reads v3. What
 * version 2 cannot say of a custom resource is left open.
 */
import type { Kind } from './kind.ts';
import { openApiDocument } from './openapi.ts';

type Document = Record<string, unknown>;

const isDocument = (value: unknown): value is Document => typeof value === 'object' && value !== null && !Array.isArray(value);

let builtIn: { of: string; definitions: Document } | undefined;

export const openApiV2Document = (kinds: readonly Kind[], customSchemas: Readonly<Record<string, Document>>): Document => {
  const own = kinds.filter((kind) => kind.schema !== undefined);
  const key = own.map((kind) => `${kind.group}/${kind.version}.${kind.kind}`).join();
  if (builtIn?.of !== key) builtIn = { of: key, definitions: definitionsOf(own, {}) };
  const custom = kinds.filter((kind) => kind.schema === undefined);
  const simple = Object.fromEntries(Object.entries(customSchemas).map(([name, schema]) => [name, inVersion2(schema)]));
  const definitions: Document = { ...definitionsOf(custom, simple), ...builtIn.definitions };
  for (const kind of custom) {
    const schema = customSchemas[`${kind.group}/${kind.version}.${kind.kind}`];
    if (schema && schema['x-kubernetes-preserve-unknown-fields'] !== true) continue;
    // Fields that are named would make older clients refuse all others.
    definitions[`${kind.group.split('.').reverse().join('.')}.${kind.version}.${kind.kind}`] = {
      type: 'object',
      'x-kubernetes-group-version-kind': [{ group: kind.group, kind: kind.kind, version: kind.version }],
    };
  }
  return { swagger: '2.0', info: { title: 'Kubernetes', version: 'v1.36.3' }, paths: {}, definitions };
};

const definitionsOf = (kinds: readonly Kind[], customSchemas: Readonly<Record<string, Document>>): Document => {
  const definitions: Document = {};
  for (const name of new Set(kinds.map(({ group, version }) => `${group}/${version}`))) {
    const [group = '', version = ''] = name.split('/');
    const { components } = openApiDocument(kinds, group, version, customSchemas) as { components: { schemas: Document } };
    Object.assign(definitions, components.schemas);
  }
  const text = JSON.stringify(definitions).replaceAll('#/components/schemas/', '#/definitions/');
  return JSON.parse(text, (_, value: unknown) => {
    if (!isDocument(value) || !('oneOf' in value)) return value;
    const { oneOf, ...rest } = value;
    return { type: 'string', ...rest };
  }) as Document;
};

const COMBINED = new Set(['allOf', 'anyOf', 'oneOf', 'not', 'nullable']);

const inVersion2 = (schema: Document): Document => {
  const result = Object.fromEntries(Object.entries(schema).filter(([name]) => !COMBINED.has(name)));
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema['nullable'] === true || keepsUnknown) {
    delete result['items'];
    delete result['properties'];
  }
  const hasNoType = schema['nullable'] === true || (keepsUnknown && schema['type'] === 'object');
  if (hasNoType || (schema['type'] === 'array' && !isDocument(result['items']))) delete result['type'];
  if (isDocument(result['items'])) result['items'] = inVersion2(result['items']);
  if (isDocument(result['additionalProperties'])) result['additionalProperties'] = inVersion2(result['additionalProperties']);
  const { properties } = result;
  if (!isDocument(properties)) return result;
  result['properties'] = Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, inVersion2(of as Document)]));
  const { required } = result;
  if (Array.isArray(required)) {
    const left = required.filter((name: string) => (properties[name] as Document | undefined)?.['nullable'] !== true);
    if (left.length) result['required'] = left;
    else delete result['required'];
  }
  return result;
};
