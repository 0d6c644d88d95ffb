/**
 * OpenAPI v3 documents, one for each group and version, without descriptions: what kubectl needs for apply, create and explain.
 * Pure: make them once for each set of kinds; hashes and ETags are the server's.
 */
import type { Kind } from './kind.ts';
import { apiVersionOf } from './meta/object.ts';
import type { FieldSchema } from './schema/schema-table.ts';
import { typeNamed, typeNameOf } from './schema/table.ts';

type Document = Record<string, unknown>;

/** Names of the documents: `api/v1`, `apis/apps/v1`. */
export const openApiNames = (kinds: readonly Kind[]): string[] => [
  ...new Set(kinds.map((kind) => (kind.group === '' ? `api/${kind.version}` : `apis/${kind.group}/${kind.version}`))),
];

/** `/openapi/v3`. `hashOf` answers with what changes when a document does. */
export const openApiIndex = (kinds: readonly Kind[], hashOf: (name: string) => string): Document => ({
  paths: Object.fromEntries(openApiNames(kinds).map((name) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${hashOf(name)}` }])),
});

/** The document of one group and version. `customSchemas` has the schemas of custom resources by `group/version.Kind`. */
export const openApiDocument = (
  kinds: readonly Kind[],
  group: string,
  version: string,
  customSchemas: Readonly<Record<string, Document>> = {},
): Document => {
  const served = kinds.filter((kind) => kind.group === group && kind.version === version);
  const schemas = new SchemaCollector(customSchemas);
  const paths: Record<string, Document> = {};
  for (const kind of served) Object.assign(paths, pathsOfKind(kind, schemas));
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: '1.36' },
    paths,
    components: { schemas: schemas.collected() },
  };
};

const HOMES: Readonly<Record<string, string>> = {
  meta: 'io.k8s.apimachinery.pkg.apis.meta',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  apiregistration: 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
};

/** `core/v1.Pod` -> `io.k8s.api.core.v1.Pod`. */
const definitionName = (typeName: string): string => {
  const [group = '', rest = ''] = typeName.split('/');
  return `${HOMES[group] ?? `io.k8s.api.${group}`}.${rest}`;
};

const reference = (definition: string): Document => ({ $ref: `#/components/schemas/${definition}` });

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
const TIME = 'io.k8s.apimachinery.pkg.apis.meta.v1.Time';
const MICRO_TIME = 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime';

const SCALAR_SCHEMAS: Readonly<Record<string, Document>> = {
  [QUANTITY]: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  [INT_OR_STRING]: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  [TIME]: { type: 'string', format: 'date-time' },
  [MICRO_TIME]: { type: 'string', format: 'date-time' },
};

/** As kubectl explains them for custom resources. */
const TYPE_FIELDS: Document = {
  apiVersion: { type: 'string', description: 'APIVersion defines the version of the schema that this object follows, with its group.' },
  kind: { type: 'string', description: 'Kind is the name of the resource that this object is, in CamelCase.' },
};

/** What every object has, for kubectl explain. */
const META_WORDS: Readonly<Record<string, string>> = {
  name: 'Name is unique among objects of one kind in one namespace, and stays.',
  generateName: 'GenerateName is the beginning of a name that the server completes.',
  namespace: 'Namespace is the space in which the name is unique; empty for what lives in none.',
  uid: 'UID tells this object from others of the same name, before and after.',
  resourceVersion: 'ResourceVersion is the version of the object as it is stored; compare it, but read nothing into it.',
  generation: 'Generation is a number that grows with every change of what is wanted.',
  creationTimestamp: 'CreationTimestamp is a timestamp of when the server created the object.',
  deletionTimestamp: 'DeletionTimestamp is when the object is to be gone; set by the server when a deletion is asked for.',
  labels: 'Labels are keys and values by which objects are selected.',
  annotations: 'Annotations are keys and values for tools; nothing selects by them.',
  ownerReferences: 'OwnerReferences name the objects on which this one depends; when all are gone it goes too.',
  finalizers: 'Finalizers name what is to be done before the object may go.',
  managedFields: 'ManagedFields tell who set which field.',
};

/** Beside a bare $ref nothing may stand. */
const explained = (shown: Document, description: string | undefined): Document =>
  description === undefined ? shown : '$ref' in shown ? { allOf: [shown], description } : { ...shown, description };

class SchemaCollector {
  readonly #found = new Map<string, Document>();
  readonly #custom: Readonly<Record<string, Document>>;

  constructor(custom: Readonly<Record<string, Document>>) {
    this.#custom = custom;
  }

  collected(): Document {
    return Object.fromEntries([...this.#found].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A reference to the schema of a kind, which is collected with all that it refers to. */
  ofKind(kind: Pick<Kind, 'group' | 'version' | 'kind' | 'schema'>): Document {
    if (kind.schema !== undefined) return this.#ofType(kind.schema);
    const custom = this.#custom[`${kind.group}/${kind.version}.${kind.kind}`] ?? { type: 'object' };
    const definition = `${kind.group.split('.').reverse().join('.')}.${kind.version}.${kind.kind}`;
    const { properties = {}, ...rest } = custom as { properties?: Document };
    this.#found.set(definition, {
      type: 'object',
      ...rest,
      properties: {
        ...properties,
        ...TYPE_FIELDS,
        metadata: { allOf: [this.#ofType('meta/v1.ObjectMeta')], description: "Standard object's metadata." },
      },
      'x-kubernetes-group-version-kind': [{ group: kind.group, kind: kind.kind, version: kind.version }],
    });
    return reference(definition);
  }

  named(typeName: string): Document {
    return this.#ofType(typeName);
  }

  #ofType(typeName: string): Document {
    const definition = definitionName(typeName);
    if (this.#found.has(definition)) return reference(definition);
    const type = typeNamed(typeName);
    const document: Document = { type: 'object' };
    this.#found.set(definition, document);
    if (!type) return reference(definition);
    if (type.required) document['required'] = type.required;
    const words = typeName === 'meta/v1.ObjectMeta' ? META_WORDS : {};
    document['properties'] = Object.fromEntries(
      Object.entries(type.fields).map(([name, field]) => [name, explained(this.#ofField(field), words[name])]),
    );
    if (type.mapType) document['x-kubernetes-map-type'] = type.mapType;
    if (type.gvk) {
      const [group, version, kind] = type.gvk;
      document['x-kubernetes-group-version-kind'] = [{ group, kind, version }];
    }
    return reference(definition);
  }

  #scalar(definition: string): Document {
    this.#found.set(definition, SCALAR_SCHEMAS[definition] ?? {});
    return reference(definition);
  }

  #ofField(field: FieldSchema): Document {
    const shown = this.#base(field);
    // Beside a bare $ref nothing may stand: upstream wraps it.
    const extras: Document = {
      ...(field.default === undefined ? {} : { default: field.default }),
      ...(field.enum && field.type === 'string' ? { enum: field.enum } : {}),
      ...(field.listType ? { 'x-kubernetes-list-type': field.listType } : {}),
      ...(field.listKeys ? { 'x-kubernetes-list-map-keys': field.listKeys } : {}),
      ...(field.mapType ? { 'x-kubernetes-map-type': field.mapType } : {}),
      ...(field.mergeKey ? { 'x-kubernetes-patch-merge-key': field.mergeKey } : {}),
      ...(field.patchStrategy ? { 'x-kubernetes-patch-strategy': field.patchStrategy } : {}),
    };
    if (Object.keys(extras).length === 0) return shown;
    return '$ref' in shown ? { allOf: [shown], ...extras } : { ...shown, ...extras };
  }

  #base(field: FieldSchema): Document {
    switch (field.type) {
      case 'object':
        return this.#ofType(field.ref as string);
      case 'array':
        return { type: 'array', items: this.#ofField(field.items as FieldSchema) };
      case 'map':
        return { type: 'object', additionalProperties: this.#ofField(field.items as FieldSchema) };
      case 'quantity':
        return this.#scalar(QUANTITY);
      case 'int-or-string':
        return this.#scalar(INT_OR_STRING);
      case 'time':
        return this.#scalar(TIME);
      case 'micro-time':
        return this.#scalar(MICRO_TIME);
      case 'int32':
      case 'int64':
        return { type: 'integer', format: field.type };
      case 'double':
        return { type: 'number', format: 'double' };
      case 'bytes':
        return { type: 'string', format: 'byte' };
      case 'any':
        return { type: 'object' };
      default:
        return { type: field.type };
    }
  }
}

interface Operation {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  action: string;
}

const COLLECTION: Readonly<Record<string, Operation>> = {
  list: { method: 'get', action: 'list' },
  create: { method: 'post', action: 'post' },
  deletecollection: { method: 'delete', action: 'deletecollection' },
};

const ITEM: Readonly<Record<string, Operation>> = {
  get: { method: 'get', action: 'get' },
  update: { method: 'put', action: 'put' },
  patch: { method: 'patch', action: 'patch' },
  delete: { method: 'delete', action: 'delete' },
};

const query = (name: string, type: string): Document => ({ name, in: 'query', schema: { type, uniqueItems: true } });
const inPath = (name: string): Document => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } });

const WRITE = [query('dryRun', 'string'), query('fieldManager', 'string'), query('fieldValidation', 'string')];
const LIST = [
  query('allowWatchBookmarks', 'boolean'),
  query('continue', 'string'),
  query('fieldSelector', 'string'),
  query('labelSelector', 'string'),
  query('limit', 'integer'),
  query('resourceVersion', 'string'),
  query('resourceVersionMatch', 'string'),
  query('sendInitialEvents', 'boolean'),
  query('timeoutSeconds', 'integer'),
  query('watch', 'boolean'),
];
const DELETE = [
  query('dryRun', 'string'),
  query('gracePeriodSeconds', 'integer'),
  query('orphanDependents', 'boolean'),
  query('propagationPolicy', 'string'),
];

const PARAMETERS: Readonly<Record<string, readonly Document[]>> = {
  list: LIST,
  post: WRITE,
  put: WRITE,
  patch: [...WRITE, query('force', 'boolean')],
  delete: DELETE,
  deletecollection: [...LIST, ...DELETE],
};

const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

const pathsOfKind = (kind: Kind, schemas: SchemaCollector): Record<string, Document> => {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const paths: Record<string, Document> = {};
  const scope = kind.namespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : `${root}/${kind.plural}`;
  const add = (path: string, verbs: readonly string[], known: Readonly<Record<string, Operation>>, body: BodyKind): void => {
    const operations: Document = {};
    for (const verb of verbs) {
      const operation = known[verb];
      if (operation) operations[operation.method] = operationOf(kind, operation, body, schemas);
    }
    if (Object.keys(operations).length === 0) return;
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => inPath(match[1] as string));
    paths[path] = { ...operations, ...(named.length > 0 ? { parameters: named } : {}) };
  };
  if (kind.namespaced) add(`${root}/${kind.plural}`, kind.verbs.includes('list') ? ['list'] : [], COLLECTION, kind);
  add(scope, kind.verbs, COLLECTION, kind);
  add(`${scope}/{name}`, kind.verbs, ITEM, kind);
  for (const [name, subresource] of Object.entries(kind.subresources)) {
    const { group = kind.group, version = kind.version, kind: bodyKind = kind.kind } = subresource;
    const typeName = typeNameOf(group, version, bodyKind);
    const body = bodyKind === kind.kind ? kind : { group, version, kind: bodyKind, schema: typeNamed(typeName) ? typeName : undefined };
    if (body.schema === undefined && kind.schema !== undefined) continue;
    add(`${scope}/{name}/${name}`, subresource.verbs, { ...ITEM, create: { method: 'post', action: 'post' } }, body);
  }
  return paths;
};

type BodyKind = Pick<Kind, 'group' | 'version' | 'kind' | 'schema'>;

const operationOf = (kind: Kind, operation: Operation, body: BodyKind, schemas: SchemaCollector): Document => {
  const { method, action } = operation;
  const schema = schemas.ofKind(body);
  const content = { 'application/json': { schema } };
  const types = kind.schema === undefined ? PATCH_TYPES.slice(0, 3) : PATCH_TYPES;
  return {
    tags: [apiVersionOf(kind).replaceAll(/[./]/g, '_')],
    operationId: `${action}${kind.kind}${kind.version}`,
    parameters: PARAMETERS[action] ?? [],
    ...(method === 'post' || method === 'put' ? { requestBody: { content: { '*/*': { schema } }, required: true } } : {}),
    ...(method === 'patch'
      ? { requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema: { type: 'object' } }])), required: true } }
      : {}),
    responses: { 200: { description: 'OK', content: action === 'list' ? listContent(kind, content) : content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: body.group, version: body.version, kind: body.kind },
  };
};

const listContent = (_kind: Kind, content: Document): Document => content;
