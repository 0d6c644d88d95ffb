import type { Column, Kind, Subresource } from './kind.ts';
import { ageColumn } from './meta/columns.ts';

/** What `defineKind` fills in may be left out. */
export type KindDefinition = Pick<Kind, 'group' | 'version' | 'kind' | 'plural' | 'namespaced'> & Partial<Kind>;

const STANDARD_VERBS: readonly string[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const DEFAULT_COLUMNS: readonly Column[] = [ageColumn];

export const STATUS: Subresource = Object.freeze({ verbs: ['get', 'patch', 'update'] });
export const SCALE: Subresource = Object.freeze({ verbs: ['get', 'patch', 'update'], group: 'autoscaling', version: 'v1', kind: 'Scale' });

/** One kind, with the usual answers where the definition gives none: the standard verbs, storage in its own version, an age column. */
export const defineKind = (definition: KindDefinition): Kind =>
  Object.freeze({
    singular: definition.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    verbs: STANDARD_VERBS,
    schema: `${definition.group === '' ? 'core' : definition.group.split('.')[0]}/${definition.version}.${definition.kind}`,
    storageVersion: definition.version,
    storageGroup: definition.group,
    subresources: {},
    hasGeneration: false,
    selectableFields: {},
    columns: DEFAULT_COLUMNS,
    defaultPropagation: 'Background' as const,
    ...definition,
  });
