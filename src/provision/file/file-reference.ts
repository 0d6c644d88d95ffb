import { DRIVERS } from '../../drivers/index.ts';
import { DEFAULT_DRIVER } from './cluster-file.ts';
import { clusterFileSchema } from './file-schema.ts';
import type { Schema } from './schema.ts';
import { poolOf } from './setting-schema.ts';

/** docs/reference/cluster.schema.json: editors complete and check cluster files by it. */
export const publishedSchema = (): string => {
  const schema = clusterFileSchema(DRIVERS);
  const { spec = {} } = schema.properties ?? {};
  const { pools = {} } = spec.properties ?? {};
  const ofOwnDriver = DRIVERS.map(({ name }) => ({ anyOf: [{ not: names(name) }, poolRef(name)] }));
  const ofCluster = DRIVERS.map(({ name }) => {
    const isMeant = name === DEFAULT_DRIVER ? { anyOf: [names(name), { not: NAMES_DRIVER }] } : names(name);
    return { anyOf: [{ not: isMeant }, { properties: { pools: { items: { anyOf: [NAMES_DRIVER, poolRef(name)] } } } }] };
  });
  const published = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Slipway cluster file',
    ...schema,
    properties: {
      ...schema.properties,
      spec: {
        ...spec,
        properties: { ...spec.properties, pools: { ...pools, items: { ...pools.items, allOf: ofOwnDriver } } },
        allOf: ofCluster,
      },
    },
    $defs: Object.fromEntries(DRIVERS.map((driver) => [`pool-${driver.name}`, poolOf(driver)])),
  };
  return `${JSON.stringify(published, wholePatterns, 2)}\n`;
};

/** Ours hold for whole texts, those of JSON Schema anywhere in a text. */
const wholePatterns = (key: string, value: unknown): unknown => (key === 'pattern' ? `^(?:${value})$` : value);

/** A pool is held to the settings of its driver: its own, else the cluster's. */
const NAMES_DRIVER = { required: ['driver'] };
const names = (driver: string) => ({ ...NAMES_DRIVER, properties: { driver: { const: driver } } });
const poolRef = (driver: string) => ({ $ref: `#/$defs/pool-${driver}` });

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
  if (schema['x-is']) parts.push(schema['x-is']);
  if (schema.items?.['x-is']) parts.push(`each ${schema.items['x-is']}`);
  if (schema.default !== undefined) parts.push(`default \`${schema.default}\``);
  if (isRequired) parts.push('**needed**');
  return parts.filter(Boolean).join('; ').replaceAll('|', '\\|');
};
