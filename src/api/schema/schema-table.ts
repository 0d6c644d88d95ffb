/** The shape of `schema.json`, the generated table of every built-in type (see generate.ts). */

export interface SchemaTable {
  /** `core/v1.Pod` -> its fields. Keys are `<group's first label>/<version>.<Type>`. */
  types: Record<string, TypeSchema>;
  /** What is served by default, without CRDs. */
  resources: ResourceSchema[];
}

export interface TypeSchema {
  fields: Record<string, FieldSchema>;
  required?: string[];
  /** `atomic`: apply treats the whole object as one value. */
  mapType?: 'atomic' | 'granular';
  /** [group, version, kind] where the type is a kind of its own. */
  gvk?: [group: string, version: string, kind: string];
}

export interface FieldSchema {
  type:
    | 'string'
    | 'bytes'
    | 'time'
    | 'micro-time'
    | 'int32'
    | 'int64'
    | 'double'
    | 'boolean'
    | 'quantity'
    | 'int-or-string'
    | 'any'
    | 'object'
    | 'array'
    | 'map';
  /** For `object`: the name of its type. */
  ref?: string;
  /** For `array` and `map`: the schema of each value. */
  items?: FieldSchema;
  listType?: 'atomic' | 'set' | 'map';
  listKeys?: string[];
  mapType?: 'atomic' | 'granular';
  /** Strategic merge: the key that names an item of the list. */
  mergeKey?: string;
  /** Strategic merge: `merge`, `replace`, `retainKeys` or `merge,retainKeys`. */
  patchStrategy?: string;
  default?: unknown;
  /**
   * What the wire shows of a zero value (`""`, 0, false, [], {}): `omit` drops it, `keep` writes it even when nobody gave it (an
   * empty list or map then reads `null`). Without it a zero value that was given stays.
   */
  zero?: 'omit' | 'keep';
  /** Go's name of the type in error messages, where it does not follow from `type`. */
  go?: string;
  /** The embedded struct that stands before the field's name in error messages. */
  inline?: string;
  enum?: string[];
}

export interface ResourceSchema {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
  verbs: string[];
  subresources: Record<string, { group: string; version: string; kind: string; verbs: string[] }>;
}
