import type { TextForm } from '../../base/text/text-form.ts';

/**
 * The part of JSON Schema (2020-12) that the cluster file's schema uses, and no more: it is checked by check-schema.ts, published as
 * docs/reference/cluster.schema.json and written out as docs/reference/cluster-file.md.
 */
export interface Schema extends Partial<TextForm> {
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  /** Objects: known keys. Others are refused unless `additionalProperties` says what they are. */
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: Schema | false;
  required?: readonly string[];
  /** Lists: what stands at each place; `items` holds for the rest. */
  prefixItems?: readonly Schema[];
  items?: Schema;
  minItems?: number;
  const?: string;
  enum?: readonly string[];
  minLength?: number;
  minimum?: number;
  maximum?: number;
  default?: string | number | boolean;
  examples?: readonly (string | number)[];
  /** One of these types of value; at most one of each `type`. */
  oneOf?: readonly Schema[];
  /** Published, and not checked here: what a setting may be by one driver or another. In a file the driver is known, and its own schema stands here. */
  anyOf?: readonly Schema[];
}
