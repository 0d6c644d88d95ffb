import { type KubeObject, pathOf } from '../../api/meta/object.ts';
import { hasReason } from '../../api/meta/status.ts';
import type { ApiEvent } from '../../api/transport.ts';
import type { ObjectPrinter } from '../output/object-printer.ts';
import { type FetchOptions, fetchPages, namespaceFor, objectsOfBody } from './fetch.ts';
import type { Session } from './session.ts';
import { createTablePrinter, isTable, type ServerTable, TABLE_ACCEPT, type TableOptions } from './tables.ts';
import type { TargetRef } from './targets.ts';

export interface WatchOptions extends FetchOptions {
  listFirst: boolean;
  /** A column with ADDED, MODIFIED, DELETED. */
  showEvents: boolean;
  signal: AbortSignal;
  out: (text: string) => void;
}

/** `get -w`: the list, then a row for every change, until the signal aborts or the server ends the watch for good. */
export const watchTables = async (session: Session, ref: TargetRef, options: WatchOptions & { layout: TableOptions }): Promise<void> => {
  const print = createTablePrinter(options.layout);
  const show = (type: string, table: ServerTable): void => {
    if (!options.showEvents) {
      options.out(print(table));
      return;
    }
    const columnDefinitions = table.columnDefinitions?.length ? [{ name: 'Event', type: 'string' }, ...table.columnDefinitions] : [];
    options.out(print({ ...table, columnDefinitions, rows: table.rows.map((row) => ({ ...row, cells: [type, ...row.cells] })) }));
  };
  const from = await fetchPages(session, ref, { ...options, table: 'metadata' }, (body) => {
    if (options.listFirst && isTable(body)) show('ADDED', body);
  });
  for await (const event of changes(session, ref, options, { resourceVersion: from, accept: TABLE_ACCEPT }))
    if (isTable(event.object)) show(event.type, event.object as unknown as ServerTable);
};

export const watchObjects = async (session: Session, ref: TargetRef, options: WatchOptions & { printer: ObjectPrinter }): Promise<void> => {
  const show = (type: string, object: KubeObject): void => options.out(options.printer(options.showEvents ? { type, object } : object));
  const from = await fetchPages(session, ref, options, (body) => {
    if (options.listFirst) for (const object of objectsOfBody(body, ref.resource)) show('ADDED', object);
  });
  for await (const event of changes(session, ref, options, { resourceVersion: from })) show(event.type, event.object);
};

/** The changes of a target after a resourceVersion. Servers end watches after some minutes: it goes on from the last one seen. */
export async function* changes(
  session: Session,
  ref: TargetRef,
  options: FetchOptions,
  start: { resourceVersion: string; accept?: string },
): AsyncGenerator<ApiEvent> {
  const named = ref.name === undefined ? undefined : `metadata.name=${ref.name}`;
  let resourceVersion = start.resourceVersion;
  while (!options.signal?.aborted) {
    try {
      const events = session.transport.watch({
        method: 'GET',
        path: pathOf(ref.resource, { namespace: namespaceFor(session, ref.resource, options) }),
        query: {
          labelSelector: options.labelSelector || undefined,
          fieldSelector: [named, options.fieldSelector].filter(Boolean).join(',') || undefined,
          resourceVersion,
          allowWatchBookmarks: 'true',
        },
        ...(start.accept ? { accept: start.accept } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      });
      for await (const event of events) {
        resourceVersion = versionOf(event.object) ?? resourceVersion;
        if (event.type !== 'BOOKMARK') yield event;
      }
    } catch (error) {
      // Too old to go on from: begin with what is now; nothing is shown twice in a row of a terminal that only follows.
      if (!hasReason(error, 'Expired') && !hasReason(error, 'Gone')) throw error;
      resourceVersion = '';
    }
  }
}

const versionOf = (object: KubeObject): string | undefined =>
  object.metadata?.resourceVersion ?? (object as unknown as ServerTable).rows?.[0]?.object?.metadata.resourceVersion;
