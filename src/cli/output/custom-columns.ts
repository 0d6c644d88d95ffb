import { CommandError } from '../errors.ts';
import { asText, findByPath } from './jsonpath.ts';
import { renderRows } from './text-table.ts';

export interface CustomColumn {
  header: string;
  path: string;
}

/** `NAME:.metadata.name,IMAGE:.spec.containers[*].image`. Throws CommandError. */
export const parseCustomColumns = (spec: string): CustomColumn[] => {
  if (spec === '') throw new CommandError('custom-columns format specified but no custom columns given');
  return spec.split(/,(?![^[]*\])/).map((part) => {
    const colon = part.indexOf(':');
    if (colon < 0) throw new CommandError(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
    return { header: part.slice(0, colon), path: part.slice(colon + 1) };
  });
};

export const renderCustomColumns = (
  columns: readonly CustomColumn[],
  objects: readonly unknown[],
  options: { headers: boolean },
): string => {
  const rows = objects.map((object) =>
    columns.map(({ path }) => {
      const found = findByPath(path, object).filter((value) => value !== undefined && value !== null);
      return found.length ? found.map(goText).join(',') : '<none>';
    }),
  );
  return renderRows(options.headers ? [columns.map(({ header }) => header), ...rows] : rows);
};

/** Maps as Go prints them: `map[app:web]`. */
const goText = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value === 'object' && value !== null)
    return `map[${Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, item]) => `${key}:${goText(item)}`)
      .join(' ')}]`;
  return asText(value);
};
