import table from '../../api/schema/schema.json' with { type: 'json' };
import type { FieldSchema, SchemaTable } from '../../api/schema/schema-table.ts';
import type { MergeSchema } from './three-way.ts';

const TYPES = (table as unknown as SchemaTable).types;

/** How objects of a built-in kind are merged. Undefined for kinds of others: their patches are plain JSON merges. */
export const mergeSchemaOf = (group: string, version: string, kind: string): MergeSchema | undefined => {
  const name = Object.keys(TYPES).find((type) => {
    const gvk = TYPES[type]?.gvk;
    return gvk?.[0] === group && gvk[1] === version && gvk[2] === kind;
  });
  return name === undefined ? undefined : ofType(name, undefined);
};

const ofType = (name: string, field: FieldSchema | undefined): MergeSchema => ({
  field: (child) => {
    const schema = TYPES[name]?.fields[child];
    return schema ? ofField(schema) : undefined;
  },
  mergeKey: field?.patchStrategy?.includes('merge') ? field.mergeKey : undefined,
  retainsKeys: field?.patchStrategy?.includes('retainKeys') ?? false,
});

const ofField = (field: FieldSchema): MergeSchema | undefined => {
  if (field.type === 'object' && field.ref) return ofType(field.ref, field);
  if (field.type === 'array' && field.items?.ref) return ofType(field.items.ref, field);
  if (field.type === 'array') return { field: () => undefined, mergesValues: field.patchStrategy?.includes('merge') ?? false };
  return undefined;
};
