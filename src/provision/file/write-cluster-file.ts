import { stringify } from 'yaml';
import { DRIVERS } from '../../drivers/index.ts';
import { type ClusterFile, driverOf, poolsOf } from './cluster-file.ts';
import { clusterFileSchema } from './file-schema.ts';
import type { Schema } from './schema.ts';

/** A cluster file with a comment at every key, and with those that it leaves at their defaults written out behind `#`. */
export const writeClusterFile = (file: ClusterFile): string => {
  const used = new Set(poolsOf(file).map((pool) => driverOf(file, pool)));
  // Settings of drivers that are not used would only be in the way.
  const schema = clusterFileSchema(DRIVERS.filter((driver) => used.has(driver.name)));
  const lines = keysOf(schema, file as unknown as Given);
  return `# A cluster of Slipway.  slipway plan -f FILE shows what it would do, slipway up -f FILE makes it so.
# Every key: docs/reference/cluster-file.md. Lines behind "# " are left out; most of them show what is so then.
${lines.join('\n')}\n`;
};

type Given = Record<string, unknown>;

/** `isWhole`: all keys are shown as they would be, which is for maps that are behind a `#` themselves. */
const keysOf = (schema: Schema, given: Given, isWhole = false): string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, inside]) => {
    const value = given[name];
    if (value !== undefined) return linesOf(name, inside, value, isWhole);
    if (!isTold(inside)) return [];
    const lines = linesOf(name, inside, sampleOf(inside), true);
    return isWhole && hasSample(inside) ? lines : hidden(lines);
  });

/** Maps without keys of their own (labels, settings of a driver that has none) say nothing by being left out. */
const isTold = (schema: Schema): boolean => schema.type !== 'object' || Object.keys(schema.properties ?? {}).length > 0;

/** Whether there is something to write that means what leaving it out does. */
const hasSample = (schema: Schema): boolean =>
  schema.type === 'object'
    ? Object.values(schema.properties ?? {}).some(hasSample)
    : schema.default !== undefined || schema.type === 'array';

const linesOf = (name: string, schema: Schema, value: unknown, isWhole: boolean): string[] => {
  const comment = schema.description ? `  # ${schema.description}` : '';
  if (schema.type === 'object' && schema.properties) {
    const inside = keysOf(schema, value as Given, isWhole);
    return inside.length ? [`${name}:${comment}`, ...inside.map(indented)] : [`${name}: {}${comment}`];
  }
  if (schema.type === 'array' && schema.items?.properties) {
    const items = (value as Given[]).flatMap((item) => listItem(keysOf(schema.items ?? {}, item)));
    return [`${name}:${comment}`, ...items.map(indented)];
  }
  return [`${name}: ${flow(value)}${comment}`];
};

/** The first key of an item stands behind the dash. */
const listItem = (lines: readonly string[]): string[] => {
  const first = lines.findIndex((line) => !line.startsWith('#'));
  return [`- ${lines[first] ?? '{}'}`, ...lines.filter((_, index) => index !== first).map(indented)];
};

const indented = (line: string): string => `  ${line}`;
const hidden = (lines: readonly string[]): string[] => lines.map((line) => `# ${line}`);

const flow = (value: unknown): string => stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();

/** What stands behind the `#` of a key that is left out. */
const sampleOf = (schema: Schema): unknown => {
  if (schema.default !== undefined) return schema.default;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.type === 'object') return {};
  if (schema.type === 'array') return [];
  return schema.enum?.[0] ?? (schema.type === 'integer' ? (schema.minimum ?? 1) : schema.type === 'boolean' ? false : '');
};
