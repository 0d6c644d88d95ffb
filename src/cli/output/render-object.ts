import { stringify } from 'yaml';

/** An object as `-o json` or `-o yaml` shows it: keys sorted, as Go prints them, with a line end. */
export const renderObject = (value: unknown, format: 'json' | 'yaml'): string =>
  format === 'json' ? renderJson(value) : renderYaml(value);

const renderJson = (value: unknown): string =>
  // Go's encoder escapes what HTML would read; scripts that compare with kubectl's output see the same bytes.
  `${JSON.stringify(sorted(value), null, 4).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026')}\n`;

/** YAML 1.1, because that is how Kubernetes reads it: `yes`, `0777` and times are quoted. */
export const renderYaml = (value: unknown): string =>
  stringify(value, { version: '1.1', indentSeq: false, sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false });

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
};

/** The object without `metadata.managedFields`, which readers are spared. The object itself is not changed. */
export const withoutManagedFields = <T>(object: T): T => {
  const { metadata, items } = object as { metadata?: Record<string, unknown>; items?: unknown[] };
  const shown: Record<string, unknown> = { ...(object as Record<string, unknown>) };
  if (metadata && 'managedFields' in metadata) {
    const { managedFields: _, ...rest } = metadata;
    shown['metadata'] = rest;
  }
  if (Array.isArray(items)) shown['items'] = items.map(withoutManagedFields);
  return shown as T;
};
