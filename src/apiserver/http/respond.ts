import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Kind } from '../../api/kind.ts';
import { apiVersionOf, type KubeObject } from '../../api/meta/object.ts';
import { type Status, StatusError } from '../../api/meta/status.ts';
import { stringifyYaml } from '../../api/meta/yaml.ts';
import { type TableOptions, tableFor } from '../../api/table.ts';
import type { Answer, ListAnswer } from '../registry/call.ts';
import { needsConversion, presented } from '../registry/registry.ts';
import type { Exchange, Headers } from './exchange.ts';
import type { Wanted } from './negotiate.ts';

const gzipAsync = promisify(gzip);

/** Lists below this are sent as they are. */
const GZIP_FROM_BYTES = 128 * 1024;

export interface ResponseOptions {
  readonly exchange: Exchange;
  readonly wanted: Wanted;
  readonly headers: Headers;
  readonly pretty: boolean;
  readonly includeObject: TableOptions['includeObject'];
  readonly now: number;
}

/** Sends an answer that is complete at once or a list. Watches are not answered here. */
export const sendAnswer = async (answer: Exclude<Answer, { type: 'watch' }>, options: ResponseOptions): Promise<number> => {
  const { wanted } = options;
  if (answer.type === 'list') {
    await sendList(answer, options);
    return 200;
  }
  const { kind } = answer;
  if (wanted.as !== '' && kind) {
    const shown = answer.type === 'item' ? presented(kind, answer.item) : (answer.object as KubeObject);
    sendObject(answer.code, shownAs(kind, [shown], options, undefined), options);
  } else if (answer.type === 'item' && wanted.format === 'json' && !options.pretty && !needsConversion(answer.kind)) {
    options.headers['content-type'] = wanted.contentType;
    options.exchange.respond(answer.code, options.headers, answer.item.bytes);
  } else sendObject(answer.code, answer.type === 'item' ? presented(answer.kind, answer.item) : answer.object, options);
  return answer.code;
};

export const sendObject = (
  code: number,
  object: unknown,
  options: Pick<ResponseOptions, 'exchange' | 'wanted' | 'headers' | 'pretty'>,
): void => {
  options.headers['content-type'] = options.wanted.contentType;
  options.exchange.respond(code, options.headers, encode(object, options));
};

const encode = (object: unknown, { wanted, pretty }: { wanted: Wanted; pretty: boolean }): string =>
  wanted.format === 'yaml' ? stringifyYaml(object) : pretty ? JSON.stringify(object, null, 2) : JSON.stringify(object);

export const sendStatus = (exchange: Exchange, status: Status, headers: Headers, pretty = false): void => {
  headers['content-type'] = 'application/json';
  const retry = status.details?.retryAfterSeconds;
  if (retry) headers['retry-after'] = String(retry);
  exchange.respond(status.code ?? 500, headers, pretty ? JSON.stringify(status, null, 2) : JSON.stringify(status));
};

/** The Status for anything thrown. Defects become 500 without their inner details. */
export const statusOf = (error: unknown): Status =>
  error instanceof StatusError
    ? error.status
    : {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`,
        reason: 'InternalError',
        details: { causes: [{ message: error instanceof Error ? error.message : String(error) }] },
        code: 500,
      };

type Listed = Pick<ListAnswer, 'resourceVersion' | 'continue' | 'remainingItemCount'>;

const listMeta = (answer: Listed): Record<string, unknown> => ({
  resourceVersion: answer.resourceVersion,
  ...(answer.continue ? { continue: answer.continue } : {}),
  ...(answer.remainingItemCount ? { remainingItemCount: answer.remainingItemCount } : {}),
});

/** Table or metadata only, of one object (`list` undefined) or of a list. */
export const shownAs = (
  kind: Kind,
  objects: readonly KubeObject[],
  options: Pick<ResponseOptions, 'wanted' | 'includeObject' | 'now'>,
  list: Listed | undefined,
): unknown => {
  const { wanted } = options;
  const apiVersion = `meta.k8s.io/${wanted.version}`;
  if (wanted.as === 'Table') {
    const meta = list ? listMeta(list) : { resourceVersion: objects[0]?.metadata.resourceVersion ?? '' };
    const table = tableFor(kind, objects, { now: options.now, includeObject: options.includeObject, listMeta: meta });
    return wanted.version === 'v1' ? table : { ...table, apiVersion };
  }
  const partial = (object: KubeObject) => ({ kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata });
  if (!list) return partial(objects[0] as KubeObject);
  return { kind: 'PartialObjectMetadataList', apiVersion, metadata: listMeta(list), items: objects.map(partial) };
};

const sendList = async (answer: ListAnswer, options: ResponseOptions): Promise<void> => {
  const { exchange, wanted, headers } = options;
  const { kind, items } = answer;
  headers['content-type'] = wanted.contentType;
  if (wanted.as !== '') {
    const objects = items.map((item) => presented(kind, item));
    exchange.respond(200, headers, encode(shownAs(kind, objects, options, answer), options));
    return;
  }
  const opening = `{"kind":"${kind.kind}List","apiVersion":"${apiVersionOf(kind)}","metadata":${JSON.stringify(listMeta(answer))},"items":[`;
  if (needsConversion(kind) || wanted.format === 'yaml' || options.pretty) {
    const list = {
      kind: `${kind.kind}List`,
      apiVersion: apiVersionOf(kind),
      metadata: listMeta(answer),
      items: items.map((item) => presented(kind, item)),
    };
    exchange.respond(200, headers, encode(list, options));
    return;
  }
  const first: Buffer = Buffer.from(opening);
  const pieces = [first];
  let total = first.length + END.length + Math.max(items.length - 1, 0);
  for (const { bytes } of items) {
    if (pieces.length > 1) pieces.push(COMMA);
    pieces.push(bytes);
    total += bytes.length;
  }
  pieces.push(END);
  if (total >= GZIP_FROM_BYTES && wantsGzip(exchange)) {
    headers['content-encoding'] = 'gzip';
    headers['vary'] = 'Accept-Encoding';
    exchange.respond(200, headers, await gzipAsync(Buffer.concat(pieces, total), { level: 1 }));
    return;
  }
  headers['content-length'] = total;
  await exchange.respondWith(200, headers, pieces);
};

const COMMA = Buffer.from(',');
const END = Buffer.from(']}');

/** Compression costs more CPU than it saves on the networks between nodes and on loopback. */
const wantsGzip = (exchange: Exchange): boolean => {
  const accepts = exchange.headers['accept-encoding'];
  if (typeof accepts !== 'string' || !accepts.includes('gzip')) return false;
  const address = exchange.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
  return !/^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|::1$|f[cd])/.test(address);
};
