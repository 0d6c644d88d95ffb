import json from './schema.json' with { type: 'json' };
import type { SchemaTable, TypeSchema } from './schema-table.ts';

export const TABLE = json as unknown as SchemaTable;

/** The type of that name (`core/v1.Pod`), own properties only. */
export const typeNamed = (name: string): TypeSchema | undefined => (Object.hasOwn(TABLE.types, name) ? TABLE.types[name] : undefined);

/** `('apps', 'v1', 'Deployment')` -> `apps/v1.Deployment`. */
export const typeNameOf = (group: string, version: string, kind: string): string =>
  `${group === '' ? 'core' : (group.split('.')[0] as string)}/${version}.${kind}`;
