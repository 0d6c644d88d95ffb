/**
 * Development script: makes `schema.json` and `../types/*.ts` from the OpenAPI files of the Kubernetes Go module and
 * the `+enum` markers of its types (facts: published OpenAPI has no enums). No prose is taken over.
 *
 *   npm run generate            needs Go on the PATH; it downloads the modules named below
 *
 * Only what 1.36 serves by default is read: the stable versions of every group.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FieldSchema, ResourceSchema, SchemaTable, TypeSchema } from './schema-table.ts';

const KUBERNETES = 'k8s.io/kubernetes@v1.36.3';
const API = 'k8s.io/api@v0.36.3';
const MACHINERY = 'k8s.io/apimachinery@v0.36.3';
const EXTENSIONS = 'k8s.io/apiextensions-apiserver@v0.36.3';
const AGGREGATOR = 'k8s.io/kube-aggregator@v0.36.3';
const STABLE = /__v\d+_openapi\.json$/;

// biome-ignore lint/suspicious/noExplicitAny: published OpenAPI, read once by a development script
type Json = Record<string, any>;

const moduleDir = (module: string): string =>
  JSON.parse(execFileSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8', cwd: '/' })).Dir;

/** `io.k8s.api.core.v1.Pod` -> `core/v1.Pod`: short and still unique. */
const shortName = (definition: string): string => {
  const parts = definition.split('.');
  const name = parts.pop() as string;
  const version = parts.pop() as string;
  return `${parts.pop()}/${version}.${name}`;
};

const main = (): void => {
  const specDir = join(moduleDir(KUBERNETES), 'api/openapi-spec');
  const swagger: Json = JSON.parse(readFileSync(join(specDir, 'swagger.json'), 'utf8'));
  const v3 = readdirSync(join(specDir, 'v3'))
    .filter((file) => STABLE.test(file) && file !== 'openid__v1__jwks_openapi.json')
    .map((file): Json => JSON.parse(readFileSync(join(specDir, 'v3', file), 'utf8')));
  const enums = readEnums(moduleDir(API));
  const goStructs = readGoStructs();

  const table: SchemaTable = { types: {}, resources: [] };
  const visit = (definition: string): void => {
    const name = shortName(definition);
    if (table.types[name]) return;
    const source: Json = swagger.definitions[definition] ?? {};
    const detail: Json = v3.find((spec) => spec.components.schemas[definition])?.components.schemas[definition] ?? {};
    const type: TypeSchema = { fields: {} };
    table.types[name] = type;
    if (source.required) type.required = source.required;
    if (source['x-kubernetes-map-type']) type.mapType = source['x-kubernetes-map-type'];
    if (source['x-kubernetes-group-version-kind']?.length === 1) {
      const { group, version, kind } = source['x-kubernetes-group-version-kind'][0];
      type.gvk = [group, version, kind];
    }
    for (const [field, property] of Object.entries<Json>(source.properties ?? {})) {
      const schema = fieldSchema(property);
      const fallback = detail.properties?.[field]?.default;
      if (fallback !== undefined && !isZero(fallback)) schema.default = fallback;
      const values = enums.get(`${name}.${field}`);
      if (values) (schema.items ?? schema).enum = values;
      Object.assign(schema, goFacts(goStructs.get(`${name}.${field}`), schema));
      type.fields[field] = schema;
      for (const ref of refsOf(property)) if (!SCALARS[ref]) visit(ref);
    }
  };
  for (const spec of v3) {
    for (const definition of Object.keys(spec.components?.schemas ?? {})) if (!SCALARS[definition]) visit(definition);
    readResources(spec, table.resources);
  }
  table.types = Object.fromEntries(Object.entries(table.types).sort(([a], [b]) => (a < b ? -1 : 1)));
  const byGroup = (r: ResourceSchema): string => `${r.group}/${r.version}/${r.plural}`;
  table.resources.sort((a, b) => (byGroup(a) < byGroup(b) ? -1 : 1));
  writeFileSync(new URL('schema.json', import.meta.url), `${oneEntryPerLine(table)}\n`);
  writeTypes(table);
};

/** Definitions that are scalars on the wire, and the type that stands for them. */
const SCALARS: Record<string, FieldSchema['type']> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'int-or-string',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'micro-time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'any',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': 'any',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': 'any',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'any',
};

const refName = (ref: string): string => ref.replace('#/definitions/', '');

const refsOf = (property: Json): string[] => {
  if (property.$ref) return [refName(property.$ref)];
  if (property.items) return refsOf(property.items);
  return property.additionalProperties ? refsOf(property.additionalProperties) : [];
};

const fieldSchema = (property: Json): FieldSchema => {
  if (property.$ref) {
    const name = refName(property.$ref);
    const scalar = SCALARS[name];
    const strategy = property['x-kubernetes-patch-strategy'];
    return scalar ? { type: scalar } : { type: 'object', ref: shortName(name), ...(strategy ? { patchStrategy: strategy } : {}) };
  }
  switch (property.type) {
    case 'array': {
      const schema: FieldSchema = { type: 'array', items: fieldSchema(property.items) };
      if (property['x-kubernetes-list-type']) schema.listType = property['x-kubernetes-list-type'];
      if (property['x-kubernetes-list-map-keys']) schema.listKeys = property['x-kubernetes-list-map-keys'];
      if (property['x-kubernetes-patch-merge-key']) schema.mergeKey = property['x-kubernetes-patch-merge-key'];
      if (property['x-kubernetes-patch-strategy']) schema.patchStrategy = property['x-kubernetes-patch-strategy'];
      return schema;
    }
    case 'object': {
      const schema: FieldSchema = property.additionalProperties
        ? { type: 'map', items: fieldSchema(property.additionalProperties) }
        : { type: 'any' };
      if (property['x-kubernetes-map-type']) schema.mapType = property['x-kubernetes-map-type'];
      if (property['x-kubernetes-patch-strategy']) schema.patchStrategy = property['x-kubernetes-patch-strategy'];
      return schema;
    }
    case 'integer':
      return { type: property.format === 'int64' ? 'int64' : 'int32' };
    case 'number':
      return { type: 'double' };
    case 'boolean':
      return { type: 'boolean' };
    case 'string':
      return { type: property.format === 'byte' ? 'bytes' : property.format === 'date-time' ? 'time' : 'string' };
    default:
      return { type: 'any' };
  }
};

const isZero = (value: unknown): boolean =>
  value === '' || value === 0 || value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** Reads paths such as `/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale`. */
const readResources = (spec: Json, out: ResourceSchema[]): void => {
  const VERBS: Record<string, string> = {
    list: 'list',
    get: 'get',
    post: 'create',
    put: 'update',
    patch: 'patch',
    delete: 'delete',
    deletecollection: 'deletecollection',
    connect: 'connect',
  };
  const found = new Map<string, ResourceSchema>();
  for (const [path, operations] of Object.entries<Json>(spec.paths)) {
    const match = /^\/(?:api|apis\/([^/]+))\/([^/]+)\/(namespaces\/\{namespace\}\/)?([a-z]+)(?:\/\{name\}(?:\/([a-z]+))?)?$/.exec(path);
    if (!match || path.includes('/watch/')) continue;
    const [, group = '', version = '', namespaced, plural = '', subresource] = match;
    for (const operation of Object.values<Json>(operations)) {
      const verb = VERBS[operation?.['x-kubernetes-action'] ?? ''];
      const gvk = operation?.['x-kubernetes-group-version-kind'];
      if (!verb || !gvk) continue;
      const entry = found.get(plural) ?? { group, version, plural, kind: '', namespaced: false, verbs: [], subresources: {} };
      found.set(plural, entry);
      if (namespaced) entry.namespaced = true;
      if (!subresource) {
        entry.kind = gvk.kind;
        if (!entry.verbs.includes(verb)) entry.verbs.push(verb);
      } else {
        entry.subresources[subresource] ??= { group: gvk.group, version: gvk.version, kind: gvk.kind, verbs: [] };
        const verbs = entry.subresources[subresource].verbs;
        if (!verbs.includes(verb)) verbs.push(verb);
      }
    }
  }
  for (const entry of found.values()) {
    if (entry.verbs.includes('list') && entry.verbs.includes('get')) entry.verbs.push('watch');
    entry.verbs.sort();
    out.push(entry);
  }
};

/** `core/v1.ContainerPort.protocol` -> allowed values, read from `// +enum` types and the struct fields that use them. */
const readEnums = (apiDir: string): Map<string, string[]> => {
  const packages = readdirSync(apiDir, { recursive: true, encoding: 'utf8' }).filter((file) => /^[a-z]+\/v\d+\/types\.go$/.test(file));
  const values = new Map<string, string[]>();
  const fields: { field: string; goType: string }[] = [];
  for (const file of packages) {
    const name = file.replace('/types.go', '');
    const source = readFileSync(join(apiDir, file), 'utf8');
    for (const [, type] of source.matchAll(/^\/\/ \+enum\n(?:\/\/.*\n)*type (\w+) string/gm)) {
      const constants = source.matchAll(new RegExp(`^\\s*\\w+\\s+${type}\\s*=\\s*"([^"]*)"`, 'gm'));
      values.set(`${name}.${type}`, [...constants].map((match) => match[1] as string).sort());
    }
    for (const [, struct, body] of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
      for (const [, goType = '', json] of (body as string).matchAll(/^\s+\w+\s+(\S+)\s+`[^`]*json:"(\w+)/gm)) {
        const bare = goType.replace(/^[[\]*]+/, '');
        fields.push({
          field: `${name}.${struct}.${json}`,
          goType: bare.startsWith('v1.') ? bare.replace('v1.', 'core/v1.') : `${name}.${bare}`,
        });
      }
    }
  }
  const result = new Map<string, string[]>();
  for (const { field, goType } of fields) {
    const allowed = values.get(goType);
    if (allowed?.length) result.set(field, allowed);
  }
  return result;
};

interface GoField {
  goType: string;
  tag: string;
  /** The embedded struct that the field comes from. */
  inline?: string;
}

/** `core/v1.PodSpec.nodeName` -> its Go type and JSON tag, embedded structs resolved. */
const readGoStructs = (): Map<string, GoField> => {
  const roots: [directory: string, name: string][] = [
    [join(moduleDir(MACHINERY), 'pkg/apis/meta/v1'), 'meta/v1'],
    [join(moduleDir(EXTENSIONS), 'pkg/apis/apiextensions/v1'), 'apiextensions/v1'],
    [join(moduleDir(AGGREGATOR), 'pkg/apis/apiregistration/v1'), 'apiregistration/v1'],
  ];
  const api = moduleDir(API);
  for (const group of readdirSync(api)) {
    const versions =
      /^[a-z]+$/.test(group) && group !== 'testdata' ? readdirSync(join(api, group)).filter((entry) => /^v\d+$/.test(entry)) : [];
    for (const version of versions) roots.push([join(api, group, version), `${group}/${version}`]);
  }
  const bodies = new Map<string, string>();
  for (const [directory, name] of roots)
    for (const file of readdirSync(directory).filter((entry) => /^types.*\.go$/.test(entry)))
      for (const [, struct, body] of readFileSync(join(directory, file), 'utf8').matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm))
        bodies.set(`${name}.${struct}`, body as string);
  const fields = new Map<string, GoField>();
  const read = (type: string, source: string, inline: string | undefined): void => {
    for (const line of (bodies.get(source) ?? '').split('\n')) {
      const match = /^\s+(?:(\w+)\s+)?(\S+)\s+`[^`]*json:"([^"]*)"/.exec(line);
      if (!match || line.trimStart().startsWith('//')) continue;
      const [, , goType = '', tag = ''] = match;
      const [field] = tag.split(',');
      if (field) fields.set(`${type}.${field}`, { goType, tag, ...(inline ? { inline } : {}) });
      else if (!goType.endsWith('TypeMeta')) {
        const local = goType.replace(/^v1\./, '');
        const home = goType.startsWith('v1.') ? 'core/v1' : source.slice(0, source.lastIndexOf('.'));
        read(type, `${home}.${local}`, inline ? `${inline}.${local}` : local);
      }
    }
  };
  for (const type of bodies.keys()) read(type, type, undefined);
  return fields;
};

/** What the wire shows of the Go type: whether zero values are written, and the name that error messages give. */
const goFacts = (go: GoField | undefined, schema: FieldSchema): Partial<FieldSchema> => {
  if (!go) return {};
  const facts: Partial<FieldSchema> = {};
  const pointer = go.goType.startsWith('*');
  const isStruct = schema.type === 'object' || schema.type === 'time' || schema.type === 'micro-time' || schema.type === 'quantity';
  if (!pointer) {
    if (go.tag.includes('omitzero')) facts.zero = 'omit';
    else facts.zero = isStruct || !go.tag.includes('omitempty') ? 'keep' : 'omit';
  }
  const bare = go.goType.replace(/^\*/, '');
  if (
    schema.type !== 'object' &&
    !/^(string|int32|int64|bool|float64|map\[|\[\]|metav1\.|resource\.|runtime\.|intstr\.|Time$|MicroTime$|JSON)/.test(bare)
  )
    facts.go = bare.startsWith('types.') ? bare : `v1.${bare.replace(/^\w+\./, '')}`;
  if (go.inline) facts.inline = go.inline;
  return facts;
};

const oneEntryPerLine = (table: SchemaTable): string => {
  const types = Object.entries(table.types).map(([name, type]) => `${JSON.stringify(name)}:${JSON.stringify(type)}`);
  const resources = table.resources.map((resource) => JSON.stringify(resource));
  return `{"types":{\n${types.join(',\n')}\n},"resources":[\n${resources.join(',\n')}\n]}`;
};

/** One file of interfaces for each group and version: `types/core-v1.ts`. */
const writeTypes = (table: SchemaTable): void => {
  const directory = new URL('../types/', import.meta.url);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const files = new Map<string, string[]>();
  const imports = new Map<string, Set<string>>();
  for (const [name, type] of Object.entries(table.types)) {
    const [file, typeName] = splitName(name);
    const lines = files.get(file) ?? [];
    files.set(file, lines);
    const needs = imports.get(file) ?? new Set<string>();
    imports.set(file, needs);
    const fieldLines = Object.entries(type.fields).map(([field, schema]) => {
      const optional = type.required?.includes(field) ? '' : '?';
      const key = /^[A-Za-z_$][\w$]*$/.test(field) ? field : `'${field}'`;
      return `  ${key}${optional}: ${typeScript(schema, file, needs)};`;
    });
    lines.push(`export interface ${typeName} {\n${fieldLines.join('\n')}\n}`);
  }
  for (const [file, lines] of files) {
    const needs = [...(imports.get(file) ?? [])].sort().map((other) => `import type * as ${alias(other)} from './${other}.ts';`);
    const head = ['// Generated by `npm run generate`; do not edit.', ...needs].join('\n');
    writeFileSync(new URL(`${file}.ts`, directory), `${head}\n\n${lines.join('\n\n')}\n`);
  }
};

const splitName = (name: string): [file: string, type: string] => {
  const [group = '', rest = ''] = name.split('/');
  const [version = '', type = ''] = rest.split('.');
  return [`${group}-${version}`, type];
};

const alias = (file: string): string => file.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

const typeScript = (schema: FieldSchema, file: string, needs: Set<string>): string => {
  if (schema.enum) return 'string';
  switch (schema.type) {
    case 'array': {
      const item = typeScript(schema.items as FieldSchema, file, needs);
      return `${item}[]`;
    }
    case 'map':
      return `Record<string, ${typeScript(schema.items as FieldSchema, file, needs)}>`;
    case 'object': {
      const [other, type] = splitName(schema.ref as string);
      if (other === file) return type;
      needs.add(other);
      return `${alias(other)}.${type}`;
    }
    case 'int32':
    case 'int64':
    case 'double':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'int-or-string':
      return '(number | string)';
    case 'quantity':
      return '(number | string)';
    case 'any':
      return 'unknown';
    default:
      return 'string';
  }
};

main();
