/**
 * The part of JSON Schema (2020-12) that the cluster file's schema uses, and no more: it is checked by check-schema.ts, published as
 * docs/reference/cluster.schema.json and written out as docs/reference/cluster-file.md.
 */
export interface Schema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  /** Objects: known keys. Others are refused unless `additionalProperties` says what they are. */
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: Schema | false;
  required?: readonly string[];
  items?: Schema;
  minItems?: number;
  const?: string;
  enum?: readonly string[];
  pattern?: string;
  /** What the pattern stands for, as the end of "must be ...". */
  'x-is'?: string;
  minimum?: number;
  maximum?: number;
  default?: string | number | boolean;
  examples?: readonly (string | number)[];
  /** One of these types of value; at most one of each `type`. */
  oneOf?: readonly Schema[];
}
