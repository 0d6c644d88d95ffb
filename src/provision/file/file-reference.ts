import { DRIVERS } from '../../drivers/index.ts';
import { clusterFileSchema } from './file-schema.ts';
import type { Schema } from './schema.ts';

/** docs/reference/cluster.schema.json: editors complete and check cluster files by it. */
export const publishedSchema = (): string =>
  `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Slipway cluster file', ...clusterFileSchema(DRIVERS) }, undefined, 2)}\n`;

/** The table of keys in docs/reference/cluster-file.md, from the same schema. */
export const keyTable = (): string => {
  const rows = rowsOf(clusterFileSchema(DRIVERS), '').map(({ key, type, text }) => `| \`${key}\` | ${type} | ${text} |`);
  return ['| key | value | meaning |', '|---|---|---|', ...rows].join('\n');
};

/** Everything in the page between these lines is made by `npm run reference`. */
export const TABLE_MARKS = { begin: '<!-- keys: made by npm run reference -->', end: '<!-- end of keys -->' };

/** The page with a fresh table. */
export const withKeyTable = (page: string): string => {
  const from = page.indexOf(TABLE_MARKS.begin);
  const to = page.indexOf(TABLE_MARKS.end);
  if (from < 0 || to < from) throw new Error(`the page has no ${TABLE_MARKS.begin} ... ${TABLE_MARKS.end}`);
  return `${page.slice(0, from)}${TABLE_MARKS.begin}\n${keyTable()}\n${page.slice(to)}`;
};

const rowsOf = (schema: Schema, prefix: string): { key: string; type: string; text: string }[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const key = prefix ? `${prefix}.${name}` : name;
    const row = { key, type: typeText(value), text: textOf(value, schema.required?.includes(name) ?? false) };
    const inner = value.type === 'array' ? insideOf(value.items ?? {}) : value;
    const rows = rowsOf(inner, value.type === 'array' ? `${key}[]` : key);
    return value.type === 'object' && !value.description ? rows : [row, ...rows];
  });

const insideOf = (items: Schema): Schema => items.oneOf?.find((one) => one.type === 'object') ?? items;

const typeText = (schema: Schema): string => {
  if (schema.const) return `\`${schema.const}\``;
  if (schema.enum) return schema.enum.map((one) => `\`${one}\``).join(', ');
  if (schema.type === 'array') return schema.items?.type === 'string' ? 'list of texts' : 'list';
  if (schema.type === 'object') return 'map';
  if (schema.type === 'integer') return schema.maximum === undefined ? 'number' : `${schema.minimum}-${schema.maximum}`;
  return schema.type === 'boolean' ? 'true, false' : 'text';
};

const textOf = (schema: Schema, isRequired: boolean): string => {
  const parts = [schema.description ?? ''];
  if (schema['x-is'] && schema.type === 'string') parts.push(schema['x-is']);
  if (schema.default !== undefined) parts.push(`default \`${schema.default}\``);
  if (isRequired) parts.push('**needed**');
  return parts.filter(Boolean).join('; ').replaceAll('|', '\\|');
};
