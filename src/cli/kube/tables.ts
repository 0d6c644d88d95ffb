import type { KubeObject } from '../../api/meta/object.ts';
import { renderRows } from '../output/text-table.ts';

/** The server's `meta.k8s.io/v1 Table`. */
export interface ServerTable {
  kind: 'Table';
  metadata?: { resourceVersion?: string; continue?: string };
  columnDefinitions: { name: string; type: string; priority?: number }[];
  rows: { cells: unknown[]; object?: KubeObject }[];
}

export const TABLE_ACCEPT = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export const isTable = (body: unknown): body is ServerTable => (body as { kind?: string } | undefined)?.kind === 'Table';

export interface TableOptions {
  wide: boolean;
  headers: boolean;
  withNamespace: boolean;
  showLabels: boolean;
  labelColumns: readonly string[];
  /** `pod/` before names, where several types are shown. */
  namePrefix: string;
}

/** A printer that remembers column widths and whether the header was shown: rows of a watch follow rows of the list. */
export const createTablePrinter = (options: TableOptions): ((table: ServerTable) => string) => {
  const widths: number[] = [];
  let columns: ServerTable['columnDefinitions'] = [];
  let headerShown = false;
  return (table) => {
    // Only the first table of a watch has its columns described.
    if (table.columnDefinitions?.length) columns = table.columnDefinitions;
    const shown = columns.flatMap((column, index) => (options.wide || !column.priority ? [index] : []));
    const lines: string[][] = table.rows.map((row) => [
      ...(options.withNamespace ? [row.object?.metadata.namespace ?? ''] : []),
      ...shown.map((index) => (index === 0 ? options.namePrefix : '') + cellText(row.cells[index])),
      ...options.labelColumns.map((label) => row.object?.metadata.labels?.[label] ?? ''),
      ...(options.showLabels ? [labelsText(row.object?.metadata.labels)] : []),
    ]);
    if (options.headers && !headerShown && lines.length) {
      headerShown = true;
      lines.unshift([
        ...(options.withNamespace ? ['NAMESPACE'] : []),
        ...shown.map((index) => (columns[index]?.name ?? '').toUpperCase()),
        ...options.labelColumns.map((label) => (label.split('/').at(-1) ?? label).toUpperCase()),
        ...(options.showLabels ? ['LABELS'] : []),
      ]);
    }
    return renderRows(lines, widths);
  };
};

export const labelsText = (labels: Readonly<Record<string, string>> | undefined): string => {
  const entries = Object.entries(labels ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  return entries.length ? entries.map(([key, value]) => `${key}=${value}`).join(',') : '<none>';
};

const cellText = (cell: unknown): string => {
  if (cell === null || cell === undefined) return '<none>';
  const text = Array.isArray(cell) ? cell.join(',') : String(cell);
  const firstLine = text.split('\n', 1)[0] as string;
  return firstLine.length < text.length ? `${firstLine}...` : text;
};
