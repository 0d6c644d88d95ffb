import type { KubeObject } from '../../api/meta/object.ts';
import type { WatchAnswer } from '../registry/call.ts';
import { needsConversion, presented } from '../registry/registry.ts';
import type { WatchCacheEvent } from '../watch/watch-cache.ts';
import { type ResponseOptions, shownAs, statusOf } from './respond.ts';

/** How often a watch that allows bookmarks hears how far it is. */
const BOOKMARK_MS = 60_000;

type Sent = (events: readonly WatchCacheEvent[]) => string;

/**
 * Streams a watch until the client goes, its time is over or the cache ends it. Nothing is buffered here: when the socket is full the
 * cursor waits where it is.
 */
export const streamWatch = (answer: WatchAnswer, options: ResponseOptions): Promise<void> => {
  const { exchange, headers, wanted } = options;
  const { cursor, kind } = answer;
  headers['content-type'] = wanted.as === '' ? 'application/json' : wanted.contentType;
  const out = exchange.begin(200, headers);
  const print = wanted.as !== '' || needsConversion(kind) ? printer(answer, options) : undefined;
  return new Promise((resolve) => {
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      clearTimeout(timeout);
      if (bookmarks) clearInterval(bookmarks);
      cursor.close();
      if (!exchange.closed) out.end();
      resolve();
    };
    const pump = (): void => {
      if (over) return;
      try {
        for (;;) {
          const piece = print ? print(cursor.read()) : cursor.readBytes();
          if (piece === undefined || piece.length === 0) break;
          if (!out.write(piece)) {
            out.onDrain(pump);
            return;
          }
        }
      } catch (error) {
        out.write(`${JSON.stringify({ type: 'ERROR', object: statusOf(error) })}\n`);
        end();
        return;
      }
      if (cursor.closed) end();
      else cursor.onReady(pump);
    };
    const timeout = setTimeout(end, Math.min(answer.timeoutMs, 2 ** 31 - 1));
    timeout.unref();
    const bookmarks = answer.bookmarks
      ? setInterval(() => {
          if (!cursor.idle) return;
          const event = cursor.bookmark();
          out.write(print ? print([event]) : event.bytes);
        }, BOOKMARK_MS)
      : undefined;
    bookmarks?.unref();
    exchange.onClose(end);
    pump();
  });
};

/** Prints events one by one for who wants Tables, metadata or another version. */
const printer = ({ kind }: WatchAnswer, options: ResponseOptions): Sent => {
  let first = true;
  const shown = (event: WatchCacheEvent): unknown => {
    const object = presented(kind, event.item);
    if (options.wanted.as === '') return object;
    if (event.type === 'BOOKMARK' && options.wanted.as === 'Table') return bookmarkTable(object);
    const table = shownAs(kind, [object], { ...options, now: Date.now() }, undefined) as { columnDefinitions?: unknown };
    // Only the first event of a stream carries the columns.
    if (options.wanted.as === 'Table') {
      if (!first) return { ...table, columnDefinitions: null };
      first = false;
    }
    return table;
  };
  return (events) => events.map((event) => `${JSON.stringify({ type: event.type, object: shown(event) })}\n`).join('');
};

const bookmarkTable = (object: KubeObject): unknown => ({
  kind: 'Table',
  apiVersion: 'meta.k8s.io/v1',
  metadata: { resourceVersion: object.metadata.resourceVersion },
  columnDefinitions: null,
  rows: [],
});
