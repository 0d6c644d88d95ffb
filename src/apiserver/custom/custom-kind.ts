import { defineKind, SCALE, STATUS } from '../../api/define-kind.ts';
import type { Column, Kind } from '../../api/kind.ts';
import { ageColumn } from '../../api/meta/columns.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../../api/types/apiextensions-v1.ts';
import { readJsonPath } from './json-path.ts';
import { pruneUnknown, type StructuralSchema, schemaErrors, setSchemaDefaults } from './structural-schema.ts';

/** How the registry serves a custom resource beyond what every kind has. */
export interface CustomKind extends Kind {
  /** Removes fields that the schema does not know and answers with their paths. In place. */
  readonly prune: (object: KubeObject) => string[];
  /** Into this version, where a webhook does that; the objects may be of any version. */
  readonly convert?: (objects: readonly KubeObject[]) => Promise<KubeObject[]>;
  readonly schemaDocument: StructuralSchema | undefined;
  /** JSON paths, where the definition has a scale subresource. */
  readonly scalePaths: { readonly spec: string; readonly status: string; readonly selector: string | undefined } | undefined;
}

export const isCustom = (kind: Kind): kind is CustomKind => 'prune' in kind;

/** One kind for each version that a definition serves. */
export const customKinds = (definition: CustomResourceDefinition): CustomKind[] => {
  const stored = definition.spec.versions.find((version) => version.storage)?.name;
  if (stored === undefined) return [];
  return definition.spec.versions.filter((version) => version.served).map((version) => customKind(definition, version, stored));
};

const customKind = ({ spec }: CustomResourceDefinition, version: CustomResourceDefinitionVersion, stored: string): CustomKind => {
  const schema = version.schema?.openAPIV3Schema as StructuralSchema | undefined;
  const keepsAll = spec.preserveUnknownFields === true || schema === undefined;
  const { names } = spec;
  const { scale, status } = version.subresources ?? {};
  const check = (object: KubeObject) => (schema ? schemaErrors(object, schema, '') : []);
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
    validate: check,
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
  return Object.freeze({
    ...kind,
    prune: (object: KubeObject) => (keepsAll || !schema ? [] : pruneUnknown(object, schema, '', true)),
    schemaDocument: schema,
    scalePaths: scale ? { spec: scale.specReplicasPath, status: scale.statusReplicasPath, selector: scale.labelSelectorPath } : undefined,
  });
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
