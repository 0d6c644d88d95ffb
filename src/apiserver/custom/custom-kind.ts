import { defineKind, SCALE, STATUS } from '../../api/define-kind.ts';
import type { Column, Kind } from '../../api/kind.ts';
import { ageColumn } from '../../api/meta/columns.ts';
import type { FieldError } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../api/types/apiextensions-v1.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import { type Converter, createConverter } from './conversion.ts';
import { readJsonPath } from './json-path.ts';
import { hasDefaults, pruneUnknown, type StructuralSchema, schemaErrors, setSchemaDefaults } from './structural-schema.ts';
import { brokenRules, hasRules } from './validation-rules.ts';

/** How the registry serves a custom resource beyond what every kind has. */
export interface CustomKind extends Kind {
  /** Removes fields that the schema does not know and answers with their paths. In place. */
  readonly prune: (object: KubeObject) => string[];
  /** Objects of any version of the definition in this one. */
  readonly convert: (objects: readonly KubeObject[]) => readonly KubeObject[] | Promise<readonly KubeObject[]>;
  /** An object of this version as it is stored. */
  readonly onWrite: (object: KubeObject) => KubeObject | Promise<KubeObject>;
  /** How stored objects are shown: converted and with this version's defaults. Undefined where they are shown as they are. */
  readonly onRead: ((objects: readonly KubeObject[]) => readonly KubeObject[] | Promise<readonly KubeObject[]>) | undefined;
  readonly schemaDocument: StructuralSchema | undefined;
  /** JSON paths, where the definition has a scale subresource. */
  readonly scalePaths: { readonly spec: string; readonly status: string; readonly selector: string | undefined } | undefined;
}

export const isCustom = (kind: Kind): kind is CustomKind => 'prune' in kind;

/** One kind for each version that a definition serves. */
export const customKinds = (definition: CustomResourceDefinition, client: WebhookClient): CustomKind[] => {
  const converter = createConverter(definition.spec, client);
  const stored = definition.spec.versions.find((version) => version.storage)?.name;
  if (stored === undefined) return [];
  return definition.spec.versions
    .filter((version) => version.served)
    .map((version) => customKind(definition, version, { stored, converter }));
};

const customKind = (
  { spec }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  { stored, converter }: { stored: string; converter: Converter },
): CustomKind => {
  const schema = version.schema?.openAPIV3Schema as StructuralSchema | undefined;
  const keepsAll = spec.preserveUnknownFields === true || schema === undefined;
  const { names } = spec;
  const { scale, status } = version.subresources ?? {};
  const check = (object: KubeObject, old?: KubeObject): FieldError[] => {
    if (!schema) return [];
    const errors = schemaErrors(object, schema, '');
    // Rules may rely on what the schema says otherwise.
    return errors.length || !hasRules(schema) ? errors : brokenRules(object, old, schema);
  };
  const kind = defineKind({
    group: spec.group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: spec.scope === 'Namespaced',
    schema: undefined,
    storageVersion: stored,
    storageGroup: spec.group,
    hasGeneration: true,
    subresources: { ...(status ? { status: STATUS } : {}), ...(scale ? { scale: SCALE } : {}) },
    ...(schema ? { setDefaults: (object: KubeObject) => setSchemaDefaults(object, schema) } : {}),
    validate: (object) => check(object),
    validateUpdate: check,
    validateStatusUpdate: check,
    selectableFields: Object.fromEntries(
      (version.selectableFields ?? []).map(({ jsonPath }) => [
        jsonPath.replace(/^\./, ''),
        (object: KubeObject) => String(readJsonPath(object, jsonPath) ?? ''),
      ]),
    ),
    columns: version.additionalPrinterColumns?.length ? version.additionalPrinterColumns.map(columnOf) : [ageColumn],
  });
  const convert = (objects: readonly KubeObject[]) => converter(objects, `${spec.group}/${version.name}`);
  const withDefaults = (objects: readonly KubeObject[]): readonly KubeObject[] =>
    schema && hasDefaults(schema) ? objects.map((object) => defaulted(object, schema)) : objects;
  const showsMore = spec.versions.length > 1 || (schema !== undefined && hasDefaults(schema));
  const onRead = (objects: readonly KubeObject[]) => {
    const converted = convert(objects);
    return converted instanceof Promise ? converted.then(withDefaults) : withDefaults(converted);
  };
  return Object.freeze({
    ...kind,
    convert,
    onWrite: (object: KubeObject) => {
      const converted = converter([object], `${spec.group}/${stored}`);
      return converted instanceof Promise ? converted.then(([one]) => one as KubeObject) : (converted[0] as KubeObject);
    },
    onRead: showsMore ? onRead : undefined,
    prune: (object: KubeObject) => (keepsAll || !schema ? [] : pruneUnknown(object, schema, '', true)),
    schemaDocument: schema,
    scalePaths: scale ? { spec: scale.specReplicasPath, status: scale.statusReplicasPath, selector: scale.labelSelectorPath } : undefined,
  });
};

/** Definitions gain defaults after objects were stored: those show them too. */
const defaulted = (object: KubeObject, schema: StructuralSchema): KubeObject => {
  const next = structuredClone(object);
  setSchemaDefaults(next, schema);
  return next;
};

const TYPES = new Set(['string', 'integer', 'number', 'boolean', 'date']);

const columnOf = (given: NonNullable<CustomResourceDefinitionVersion['additionalPrinterColumns']>[number]): Column => ({
  name: given.name,
  type: (TYPES.has(given.type) ? given.type : 'string') as Column['type'],
  ...(given.format ? { format: given.format } : {}),
  description: given.description ?? '',
  priority: given.priority ?? 0,
  cell: (object, now) => {
    const value = readJsonPath(object, given.jsonPath);
    if (value === undefined || value === null) return null;
    if (given.type === 'date') return typeof value === 'string' ? ageSince(value, now) : null;
    return typeof value === 'object' ? JSON.stringify(value) : (value as string | number | boolean);
  },
});

/** An age is written as for every other kind: borrowed from the age column. */
const ageSince = (timestamp: string, now: number): string | number | boolean | null =>
  ageColumn.cell({ metadata: { creationTimestamp: timestamp } }, now);
