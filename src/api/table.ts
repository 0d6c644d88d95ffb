import type { Kind } from './kind.ts';
import { nameColumn } from './meta/columns.ts';
import type { KubeObject } from './meta/object.ts';

/** The rows that `kubectl get` prints. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: Record<string, unknown>;
  columnDefinitions: TableColumn[];
  rows: TableRow[];
}

export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export interface TableRow {
  cells: (string | number | boolean | null)[];
  /** Ready conditions of the row are left out: kubectl does not read them. */
  object?: unknown;
}

export interface TableOptions {
  /** Milliseconds since the epoch, for ages. */
  now: number;
  /** What each row carries beside its cells. Default `Metadata`. */
  includeObject?: 'None' | 'Metadata' | 'Object' | undefined;
  /** The list's metadata, or for one object its resourceVersion. */
  listMeta?: Record<string, unknown>;
}

/** Objects of one kind as rows: the name, then the kind's columns. */
export const tableFor = (kind: Kind, objects: readonly KubeObject[], options: TableOptions): Table => {
  const { now, includeObject = 'Metadata', listMeta = {} } = options;
  const columns = kind.columnsAreWholeRow ? kind.columns : [nameColumn, ...kind.columns];
  const columnDefinitions = columns.map(({ name, type, format = '', description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
  const rows = objects.map((object) => ({
    cells: columns.map((column) => column.cell(object, now)),
    object: rowObject(object, includeObject),
  }));
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: listMeta, columnDefinitions, rows };
};

const rowObject = (object: KubeObject, include: 'None' | 'Metadata' | 'Object'): unknown => {
  if (include === 'None') return null;
  if (include === 'Object') return object;
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
};
